"""Signing keys: what a ring is, how it is rotated, and that no key shows itself."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import keytext
from gateway.errors import ConfigurationError, NotAuthentic
from gateway.keyring import Change, Key, KeyRing, Purpose, Status
from gateway.secret import Secret
from gateway.tokens import mint, read
from tests.core.samples import claims, key, ring

#: Recognisable bytes, so that a search for them means something.
CANARY = bytes(range(0x41, 0x61))


def shown(secret: bytes) -> tuple[str, ...]:
    """How the bytes of a secret would look in a text."""
    encoded = base64.b64encode(secret).decode().rstrip("=")
    return (
        secret.decode("latin-1"),
        secret.hex(),
        secret.hex().upper(),
        encoded,
        repr(secret)[2:-1],
        str(list(secret))[1:-1],
    )


def holds(text: str, secret: bytes) -> bool:
    """Whether a text gives a secret away."""
    return any(form in text for form in shown(secret))


def file_of(*entries: dict[str, Any]) -> str:
    """The text of a key file."""
    return json.dumps({"keys": entries})


ENTRY = {"id": "k1", "status": "primary", "secret": CANARY.hex(), "created_at": "2026-11-01T00:00:00Z"}


def test_a_ring_survives_being_written_and_read() -> None:
    written = ring(key("k1", 1, Status.ENABLED), key("k2", 2), key("k3", 3, Status.DISABLED))
    assert keytext.load(keytext.dump(written), "default") == written


def test_a_revoked_key_and_who_did_it_survive_being_written_and_read() -> None:
    at = datetime(2026, 11, 23, 9, 0, 0, 5000, tzinfo=UTC)
    leaked = ring(key("k1", 1, Status.ENABLED), key("k2", 2)).revoke("k1", at, reissue=True)
    written = leaked.noted(Change(at, "k1", "revoke", "ada@ops"))
    assert keytext.load(keytext.dump(written), "default") == written
    assert (written.keys[0].revoked_at, written.keys[0].successor) == (at, "k2")
    assert written.verifying("k1") is None


def test_a_key_file_holds_the_last_hundred_changes() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    long = ring()
    for number in range(150):
        long = long.noted(Change(at, "k1", "promote", str(number)))
    assert [change.by for change in long.changes] == [str(number) for number in range(50, 150)]


@pytest.mark.parametrize("primaries", [0, 2, 3])
def test_a_ring_needs_exactly_one_primary_key(primaries: int) -> None:
    keys = [key(f"k{n}", n, Status.PRIMARY if n < primaries else Status.ENABLED) for n in range(3)]
    with pytest.raises(ConfigurationError, match="exactly one key must be primary"):
        ring(*keys)


def test_an_id_may_be_used_once() -> None:
    with pytest.raises(ConfigurationError, match="the key id k1 is there more than once"):
        ring(key("k1", 1), key("k1", 2, Status.ENABLED))


@pytest.mark.parametrize("size", [0, 8, 16, 31, 33, 64])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ConfigurationError, match=f"key k1: {size} bytes of secret, 32 are needed"):
        replace(key(), secret=Secret(bytes(size)))


@pytest.mark.parametrize("key_id", ["", "K1", "k-1", "k.1", "k" * 17, "k1\n", "é", "k 1", "../k"])
def test_a_key_id_is_short_and_plain(key_id: str) -> None:
    with pytest.raises(ConfigurationError, match="1 to 16 of a-z and 0-9"):
        key(key_id)


def test_a_key_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="created_at needs a time zone"):
        replace(key(), created_at=datetime(2026, 11, 1))  # noqa: DTZ001  # that is the point


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"keys": null}',
        '{"keys": []}',
        '{"keys": {}}',
        '{"keys": ["k1"]}',
        '{"keys": [[]]}',
        "[" * 100_000,
        file_of(ENTRY)[:-1],
        file_of(ENTRY)[: len(file_of(ENTRY)) // 2],
        file_of(ENTRY, ENTRY),
        file_of(ENTRY | {"secret": ""}),
        file_of(ENTRY | {"secret": CANARY[:8].hex()}),
        file_of(ENTRY | {"secret": CANARY.hex()[:-1]}),
        file_of(ENTRY | {"secret": CANARY.hex()[:-1] + "g"}),
        file_of(ENTRY | {"secret": base64.b64encode(CANARY).decode()}),
        file_of(ENTRY | {"secret": None}),
        file_of(ENTRY | {"secret": list(CANARY)}),
        file_of(ENTRY | {"status": "retired"}),
        file_of(ENTRY | {"status": CANARY.hex()}),
        file_of(ENTRY | {"status": "enabled"}),
        file_of(ENTRY | {"created_at": "yesterday"}),
        file_of(ENTRY | {"created_at": 1}),
        file_of(ENTRY | {"created_at": "2026-11-01T00:00:00"}),
        file_of({name: value for name, value in ENTRY.items() if name != "secret"}),
    ],
    ids=lambda text: ascii(text)[:60],
)
def test_a_broken_key_file_is_refused_without_a_byte_of_a_key(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        keytext.load(text, "default")
    assert not holds(str(caught.value), CANARY)
    assert CANARY.hex()[:16] not in str(caught.value)
    # Nor in what a traceback shows with it.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=5,
)
_ENTRIES = st.dictionaries(st.sampled_from(list(ENTRY)), _JSON, max_size=4).map(lambda some: ENTRY | some)


@given(
    st.text()
    | st.binary()
    | _JSON.map(json.dumps)
    | st.lists(_ENTRIES, max_size=2).map(lambda e: file_of(*e))
)
def test_whatever_a_key_file_holds_it_is_a_ring_or_a_configuration_error(text: str | bytes) -> None:
    said = ""
    try:
        assert keytext.load(text, "default").primary.status is Status.PRIMARY
    except ConfigurationError as error:
        said = str(error)
    assert not holds(said, CANARY)


def test_promoting_a_key_keeps_the_old_one_verifying() -> None:
    before = ring(key("k1", 1), key("k2", 2, Status.ENABLED))
    after = before.promote("k2")
    assert [(k.id, k.status) for k in after.keys] == [("k1", "enabled"), ("k2", "primary")]
    for signer in before.keys:
        assert read("acmepay", mint(claims(), before, signer), after)


def test_a_rotation_that_is_taken_back_leaves_all_tokens_valid() -> None:
    before = ring(key("k1", 1))
    after = before.add(key("k2", 2, Status.ENABLED)).promote("k2")
    back = after.promote("k1")
    for token in (mint(claims(), before, before.primary), mint(claims(), after, after.primary)):
        assert read("acmepay", token, back)


def test_a_retired_key_is_kept_and_does_nothing() -> None:
    after = ring(key("k1", 1), key("k2", 2, Status.ENABLED)).retire("k2")
    assert after.key("k2") is not None
    assert after.verifying("k2") is None


@pytest.mark.parametrize(
    ("action", "key_id", "says"),
    [
        ("promote", "k3", "key k3 is disabled: it cannot be promoted"),
        ("retire", "k1", "key k1 is primary: it cannot be retired"),
        ("promote", "k9", "there is no key k9; there are k1, k2, k3"),
        ("retire", "k9", "there is no key k9; there are k1, k2, k3"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused(action: str, key_id: str, says: str) -> None:
    keys = ring(key("k1", 1), key("k2", 2, Status.ENABLED), key("k3", 3, Status.DISABLED))
    with pytest.raises(ConfigurationError) as caught:
        getattr(keys, action)(key_id)
    assert str(caught.value) == says


def test_each_purpose_and_deployment_has_keys_of_its_own() -> None:
    derived = {
        key().derive(deployment, f"{use}/{purpose}", 32)
        for deployment in ("default", "staging")
        for purpose in Purpose
        for use in ("sign", "seal")
    }
    assert len(derived) == 2 * len(Purpose) * 2
    assert not any(b"\1" * 32 in one for one in derived)


def _canaries() -> tuple[KeyRing, Key, list[bytes]]:
    secret = Key("k1", Secret(CANARY), Status.PRIMARY, key().created_at)
    keys = ring(secret)
    # Used once, so that whatever is derived and cached is there to be found.
    token = mint(claims(), keys, secret)
    assert read("acmepay", token, keys)
    derived = [
        secret.derive("default", f"{use}/callback", size) for use, size in (("sign", 32), ("seal", 64))
    ]
    return keys, secret, [CANARY, *derived]


def test_no_key_shows_itself() -> None:
    keys, secret, canaries = _canaries()
    working = keys.working(secret, Purpose.CALLBACK)
    for thing in (secret.secret, secret, keys, working):
        texts = [repr(thing), str(thing), f"{thing}", f"{thing!r:>100}", ascii(thing)]
        if not isinstance(thing, Secret):  # a Secret has slots and no vars() at all
            texts.append(repr(vars(thing)))
        for canary in canaries:
            assert not any(holds(text, canary) for text in texts)
    with pytest.raises(TypeError):
        vars(secret.secret)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_key_is_pickled_or_copied(protocol: int) -> None:
    keys, secret, _ = _canaries()
    for thing in (secret.secret, secret, keys, keys.working(secret, Purpose.CALLBACK)):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(thing, protocol)
    with pytest.raises(TypeError, match="pickled"):
        copy.deepcopy(secret)


def test_a_traceback_with_its_variables_shows_no_key() -> None:
    keys, _, canaries = _canaries()
    texts = []
    for token in ("k1.AAAA.AAAA", "k9.AAAA.AAAA", ""):
        with pytest.raises(NotAuthentic) as caught:
            read("acmepay", token, keys)
        # The first frame is this test's, which knows the keys.
        frames = caught.value.__traceback__ and caught.value.__traceback__.tb_next
        shown_with = traceback.TracebackException(NotAuthentic, caught.value, frames, capture_locals=True)
        texts.append("".join(shown_with.format()))
    assert "source = 'acmepay'" in texts[0]
    for canary in canaries:
        assert not any(holds(text, canary) for text in texts)


def test_fingerprints_tell_keys_apart_and_are_no_part_of_them() -> None:
    prints = {key("k1", fill).fingerprint for fill in range(50)}
    assert len(prints) == 50
    assert all(len(text) == 8 for text in prints)
    assert not holds(Secret(CANARY).fingerprint, CANARY)
