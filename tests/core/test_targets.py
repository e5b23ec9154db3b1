"""What a callback completes: what is taken, and what Restate would misread."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import targets
from gateway.errors import Invalid
from gateway.targets import Awakeable, Handler, Target, WorkflowPromise
from tests.core.samples import awakeable_id

_NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_.-]{0,63}\Z").filter(lambda name: name != "restate")
_KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).filter(
    lambda key: key not in (".", "..") and len(key.encode()) <= 256
)
TARGETS: st.SearchStrategy[Target] = st.one_of(
    st.builds(
        lambda packed, index: Awakeable(Awakeable.unpack(packed + index.to_bytes(4, "big"))),
        st.binary(min_size=24, max_size=24),
        st.integers(17, 2**32 - 1),
    ),
    st.builds(WorkflowPromise, _NAMES, _KEYS, _KEYS, _NAMES),
    st.builds(Handler, _NAMES, st.none() | _KEYS, _NAMES),
)


@given(TARGETS)
def test_a_target_survives_being_written_and_read(target: Target) -> None:
    assert targets.load(targets.dump(target)) == target
    assert targets.parse(targets.as_json(target)) == target


@pytest.mark.parametrize("index", range(17))
def test_an_index_that_restate_keeps_for_itself_is_refused(index: int) -> None:
    # 1 cancels the invocation; the first awakeable has 17.
    with pytest.raises(Invalid, match="index is one that Restate keeps"):
        Awakeable(awakeable_id(index))


@pytest.mark.parametrize("index", [17, 18, 255, 65536, 2**32 - 1])
def test_the_indexes_that_the_sdks_give_out_are_taken(index: int) -> None:
    assert Awakeable(awakeable_id(index)).packed[-4:] == index.to_bytes(4, "big")


@given(st.binary(min_size=24, max_size=24), st.integers(0, 40) | st.integers(0, 2**32 - 1))
def test_an_awakeable_id_is_28_bytes_in_base64url_with_an_index_above_16(packed: bytes, index: int) -> None:
    packed += index.to_bytes(4, "big")
    text = "sign_1" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    assert Awakeable.unpack(packed) == text
    if index > 16:
        assert Awakeable(text).packed == packed
    else:
        with pytest.raises(Invalid, match="index is one that Restate keeps"):
            Awakeable(text)


@given(st.from_regex(r"\Asign_1[A-Za-z0-9_-]{36,39}=?\n?\Z"))
def test_what_is_taken_as_an_awakeable_id_is_what_its_bytes_are_written_as(text: str) -> None:
    try:
        taken = Awakeable(text)
    except Invalid:
        return
    assert (len(taken.packed), Awakeable.unpack(taken.packed)) == (28, text)


def _aliases() -> dict[str, str]:
    good = awakeable_id(17, fill=0xFB)  # its base64url holds "-" and "_"
    body = good.removeprefix("sign_1")
    # The last character has two bits of the index (16 to 19: A, Q, g, w) and four that are unused.
    unused = {body[:-1] + chr(code) for code in range(33, 127) if chr(code) not in "AQgw"}
    packed = base64.urlsafe_b64decode(body + "==")
    return {
        "padded": good + "==",
        "half padded": good + "=",
        "in the alphabet of standard base64": "sign_1" + body.replace("-", "+").replace("_", "/"),
        "with a space": good + " ",
        "with a newline": good + "\n",
        "with a newline inside": good[:20] + "\n" + good[20:],
        "without its prefix": body,
        "with its prefix twice": "sign_1" + good,
        "in upper case": good.upper(),
        "with another version": "sign_2" + body,
        "a byte short": Awakeable.unpack(packed[1:]),
        "a byte long": Awakeable.unpack(b"\0" + packed),
        "cut": good[:-1],
        "empty": "",
        "only a prefix": "sign_1",
        "with a homoglyph": good.replace("s", "\u0455", 1),
        "with a full width digit": "sign_\uff11" + body,
        "not ASCII": "sign_1" + "é" * 38,
        "percent-encoded": good.replace("_", "%5F"),
        "an invocation's id": "inv_1" + body,
        **{f"ending in {text[-1]}": "sign_1" + text for text in sorted(unused)},
    }


@pytest.mark.parametrize("alias", _aliases().values(), ids=_aliases())
def test_another_spelling_of_an_awakeable_id_is_refused(alias: str) -> None:
    with pytest.raises(Invalid, match="not an awakeable id"):
        Awakeable(alias)


def test_an_id_of_the_older_protocol_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid, match="upgrade the SDK"):
        Awakeable("prom_1" + awakeable_id().removeprefix("sign_1"))


@pytest.mark.parametrize("given_id", [awakeable_id(1), awakeable_id() + "=", awakeable_id()[:-1]])
def test_no_error_repeats_the_awakeable_id(given_id: str) -> None:
    with pytest.raises(Invalid) as caught:
        Awakeable(given_id)
    assert given_id.strip("=")[6:30] not in str(caught.value)


def test_an_awakeables_repr_hides_its_id() -> None:
    assert awakeable_id()[6:] not in repr(Awakeable(awakeable_id()))


@pytest.mark.parametrize(
    "key",
    ["", ".", "..", "\0", "a\0b", "a\r\nb", "a\nb", "\x1f", "\x7f", "\u2028", "k" * 257, "é" * 129, "\ud800"],
    ids=ascii,
)
def test_a_key_that_restate_or_a_log_would_misread_is_refused(key: str) -> None:
    for build in (
        lambda: WorkflowPromise("Checkout", key, "payment"),
        lambda: WorkflowPromise("Checkout", "order-1", key),
        lambda: Handler("Inbox", key, "take"),
    ):
        with pytest.raises(Invalid, match=r"^target\.(key|promise): "):
            build()


@pytest.mark.parametrize(
    "key", ["a/b", "...", "a%2Fb", "a?delay=1d", "a#x", " ", "شحن", "é" * 128, "k" * 256, "../x"], ids=ascii
)
def test_any_other_key_is_taken_as_it_is(key: str) -> None:
    assert WorkflowPromise("Checkout", key, "payment").key == key
    assert Handler("Inbox", key, "take").key == key


@pytest.mark.parametrize(
    "name", ["", "restate", "a/b", "..", ".a", "1a", "a b", "a?x", "a%2F", "é", "a\n", "n" * 65, "-a"]
)
def test_a_name_outside_restates_own_is_refused(name: str) -> None:
    for build in (
        lambda: WorkflowPromise(name, "k", "p"),
        lambda: WorkflowPromise("Checkout", "k", "p", name),
        lambda: Handler(name, None, "take"),
        lambda: Handler("Inbox", None, name),
    ):
        with pytest.raises(Invalid, match=r"^target\.(workflow|service|handler): .* starts with a letter"):
            build()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "an empty object"),
        ({"awakeable": awakeable_id(), "key": "k"}, "awakeable, key"),
        ({"workflow": "W", "key": "k"}, "key, workflow"),
        ({"service": "S"}, "service"),
        ({"service": "S", "handler": "h", "url": "http://x"}, "handler, service, url"),
        ({"awakeable": 1}, "target.awakeable: a text is needed"),
        ({"service": "S", "handler": ["h"]}, "target.handler: a text is needed"),
        ({"service": "S", "handler": "h", "key": None}, "target.key: a text is needed"),
    ],
)
def test_a_request_that_names_no_target_is_told_what_would(value: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as caught:
        targets.parse(value)
    assert says in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=5,
)
_FIELDS = st.sampled_from(["awakeable", "workflow", "key", "promise", "handler", "service", "other"])


@given(st.dictionaries(_FIELDS, _JSON | _NAMES, max_size=5))
def test_whatever_a_request_holds_the_answer_is_a_target_or_invalid(value: dict[str, Any]) -> None:
    try:
        target = targets.parse(value)
    except Invalid:
        return
    assert targets.as_json(target).items() >= value.items()


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "1", "null", '{"awakeable": 1}', "{"])
def test_a_stored_text_that_is_no_target_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        targets.load(text)


def test_equal_targets_are_written_alike() -> None:
    # Superseding compares the stored texts.
    spelled = json.loads('{"promise": "é", "key": "k", "handler": "gateway_callback", "workflow": "W"}')
    assert targets.dump(targets.parse(spelled)) == targets.dump(WorkflowPromise("W", "k", "é"))
