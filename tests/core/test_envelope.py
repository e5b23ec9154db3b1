"""The JSON that the waiting code receives."""

from __future__ import annotations

import base64
import json
import re
import sys
import unicodedata
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strict_json
from gateway.envelope import Effect, build, printable, timestamp
from gateway.rules import Verdict
from gateway.targets import Awakeable, Handler, WorkflowPromise
from tests.core.samples import CALLBACK_ID, awakeable_id
from tests.core.test_targets import TARGETS

EFFECT = Effect(
    callback_id=CALLBACK_ID,
    source="stripe-eu",
    provider="stripe",
    target=Awakeable(awakeable_id()),
    on_failure="reject",
    verdict=Verdict.SUCCEEDED,
    event_id="evt_123",
    event_type="payment_intent.succeeded",
    type_verified=True,
    time="2026-11-22T20:36:40Z",
    reason=None,
    data=b'{"id":"evt_123"}',
    json=True,
    media_type="application/json",
)


def strictly(text: bytes) -> dict[str, Any]:
    """Read as a strict RFC 8259 reader does that also refuses a name twice, by another parser than ours."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs), "a name is there twice"
        return dict(pairs)

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    value: dict[str, Any] = json.loads(text.decode(), object_pairs_hook=once, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()  # no half of a surrogate pair in it
    strict_json.read(text)
    return value


_JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Not halves of surrogate pairs: those are not strict JSON, and come as base64.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), below, max_size=4)
    ),
    max_leaves=10,
)
_SPELLINGS = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
_BODIES = st.builds(
    lambda value, spelling: json.dumps(value, **spelling).encode(), _JSON_VALUES, _SPELLINGS
) | st.sampled_from(
    [
        b"12345678901234567890",
        b"1.00000000000000000001",
        b"1.10",
        b"-0",
        b"1e400",
        b'{"a":1.0,"b":1E+2}',
        b" \r\n\t[ ] ",
        rb'"\u00e9\/\ud83d\ude00"',
        '"\u2028é😀"'.encode(),
        b"9" * 4300,
        b"[" * 100 + b"]" * 100,
    ]
)
#: What a provider may put into any text, halves of surrogate pairs included.
_TEXTS = st.text(st.characters(), min_size=1)
_EFFECTS = st.builds(
    Effect,
    callback_id=st.just(CALLBACK_ID),
    source=st.from_regex(r"\A[a-z0-9-]{1,32}\Z"),
    provider=st.just("stripe"),
    target=TARGETS,
    on_failure=st.sampled_from(["reject", "resolve"]),
    verdict=st.sampled_from(Verdict),
    event_id=_TEXTS,
    event_type=_TEXTS,
    type_verified=st.booleans(),
    verified=st.sampled_from(["signature", "notification"]),
    time=st.just("2026-11-22T20:36:40Z"),
    reason=st.none() | _TEXTS,
    data=st.binary(),
    json=st.just(False),
    media_type=st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1),
    sequence=st.none() | st.integers(1),
)
_WITH_JSON = st.builds(lambda effect, body: replace(effect, json=True, data=body), _EFFECTS, _BODIES)


@given(_EFFECTS | _WITH_JSON)
def test_an_envelope_is_a_cloud_event_for_a_strict_reader(effect: Effect) -> None:
    event = strictly(build(effect))
    # https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#context-attributes
    assert event["specversion"] == "1.0"
    assert event["id"]
    assert event["type"]
    assert event["source"] == f"/sources/{effect.source}"
    assert event["subject"] == CALLBACK_ID
    assert event["time"] == effect.time
    assert event["datacontenttype"] == effect.media_type
    assert ("data" in event) != ("data_base64" in event)
    # Ours, all of them lower case letters and digits but for the two of JSON's own format.
    extensions = set(event) - {"data_base64", "type_verified", "verified"}
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in extensions)
    assert event["provider"] == "stripe"
    assert event["outcome"] == effect.verdict
    assert event.get("type_verified", True) == effect.type_verified
    assert event.get("verified", "signature") == effect.verified
    assert ("reason" in event) == (effect.verdict is Verdict.FAILED)


@given(_WITH_JSON)
def test_json_goes_through_byte_for_byte(effect: Effect) -> None:
    envelope = build(effect)
    assert envelope.endswith(b',"data":' + effect.data + b"}")
    assert strictly(envelope)["data"] == json.loads(effect.data)


@given(_EFFECTS)
def test_anything_else_goes_through_as_base64(effect: Effect) -> None:
    assert base64.b64decode(strictly(build(effect))["data_base64"], validate=True) == effect.data


@given(_EFFECTS)
def test_no_attribute_holds_a_control_character_or_a_line_separator(effect: Effect) -> None:
    event = strictly(build(effect))
    for name in ("id", "type", "reason", "reject"):
        assert _one_line(event.get(name) or "")


def _one_line(text: str) -> bool:
    return len(text.splitlines()) <= 1 and not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text
    )


@given(_EFFECTS)
def test_a_rejection_is_one_line_of_bounded_length(effect: Effect) -> None:
    assert _one_line(effect.rejection)
    assert 0 < len(effect.rejection) <= 1000
    effect.rejection.encode()


@given(st.text(st.characters()))
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    if text.isprintable() and len(text) <= 1000:
        assert shown == text


def test_no_character_that_python_prints_is_one_that_is_replaced() -> None:
    text = "".join(filter(str.isprintable, map(chr, range(sys.maxunicode + 1))))
    assert len(text) > 100_000
    assert not [one for one in text if printable(f"\n{one}") != f" {one}"]


def test_a_rejection_says_type_reason_and_event() -> None:
    declined = replace(EFFECT, verdict=Verdict.FAILED, event_type="payment.declined", reason="card expired")
    assert declined.rejection == "payment.declined: card expired (event evt_123)"
    assert replace(declined, reason=None).rejection == "payment.declined: failed (event evt_123)"


def test_a_long_reason_does_not_push_the_event_out_of_a_rejection() -> None:
    long = replace(
        EFFECT, verdict=Verdict.FAILED, event_type="t" * 512, event_id="e" * 300, reason="r" * 1000
    )
    assert long.rejection.startswith("t" * 512 + ": r")
    assert long.rejection.endswith(f"(event {'e' * 300})")


@pytest.mark.parametrize(
    ("verdict", "on_failure", "rejects"),
    [
        ("succeeded", "reject", False),
        ("succeeded", "resolve", False),
        ("progress", "reject", False),
        ("progress", "resolve", False),
        ("failed", "reject", True),
        ("failed", "resolve", False),
    ],
)
def test_only_a_failure_rejects_and_only_where_that_was_asked_for(
    verdict: str, on_failure: Any, rejects: bool
) -> None:
    effect = replace(EFFECT, verdict=Verdict(verdict), on_failure=on_failure)
    assert effect.rejects is rejects
    promise = replace(effect, target=WorkflowPromise("Checkout", "order-1", "payment"))
    event = strictly(build(promise))
    assert event["promise"] == "payment"
    assert event.get("reject") == (effect.rejection if rejects else None)
    assert "reject" not in strictly(build(effect))


def test_a_streams_event_is_numbered_and_no_other_is() -> None:
    stream = replace(EFFECT, target=Handler("Inbox", "k", "take"), sequence=3)
    assert strictly(build(stream))["sequence"] == 3
    assert "sequence" not in strictly(build(EFFECT))


def test_the_envelope_is_the_one_of_the_contract() -> None:
    assert (
        build(EFFECT)
        == (
            b'{"specversion":"1.0","id":"evt_123","source":"/sources/stripe-eu","type":"payment_intent.succeeded",'
            b'"time":"2026-11-22T20:36:40Z","subject":"%b","datacontenttype":"application/json",'
            b'"provider":"stripe","outcome":"succeeded","data":{"id":"evt_123"}}'
        )
        % CALLBACK_ID.encode()
    )


def test_an_effects_repr_shows_neither_data_nor_awakeable() -> None:
    shown = repr(EFFECT)
    assert "evt_123\\" not in shown
    assert "data" not in shown
    assert awakeable_id()[6:] not in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_379_800, "2026-11-22T20:36:40Z"),
        (1_795_379_800.25, "2026-11-22T20:36:40.250Z"),
        (1_795_379_800.0001, "2026-11-22T20:36:40Z"),
    ],
)
def test_a_time_is_written_as_rfc_3339_in_utc(seconds: float, text: str) -> None:
    assert timestamp(seconds) == text
