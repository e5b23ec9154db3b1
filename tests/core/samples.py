"""Keys, awakeable ids and claims to test with."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime

from gateway.keyring import SECRET_BYTES, Key, KeyRing, Status
from gateway.secret import Secret
from gateway.targets import Awakeable
from gateway.tokens import Claims

#: 2026-11-22T20:36:40Z, the receipt of whatever comes in without a time of its own.
NOW = 1_795_379_800.0
CALLBACK_ID = "cb_01kapq5z3w0123456789abcdef"


def awakeable_id(index: int = 17, fill: int = 0xA7) -> str:
    """An awakeable id of Restate's form: 24 bytes that are all `fill`, then the signal's index."""
    packed = bytes([fill]) * 24 + index.to_bytes(4, "big")
    return "sign_1" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def key(key_id: str = "k1", fill: int = 1, status: Status = Status.PRIMARY) -> Key:
    """A key whose secret bytes are all `fill`."""
    return Key(key_id, Secret(bytes([fill]) * SECRET_BYTES), status, datetime(2026, 11, 1, tzinfo=UTC))


def ring(*keys: Key, deployment: str = "default") -> KeyRing:
    """A ring of these keys, of one primary key `k1` where none are given."""
    return KeyRing(keys or (key(),), deployment)


def claims(**changes: object) -> Claims:
    """The claims of an awakeable without rules of its own."""
    return replace(
        Claims(CALLBACK_ID, "acmepay", Awakeable(awakeable_id()), int(NOW) + 3600),
        **changes,  # type: ignore[arg-type]  # a wrong name or value fails in the constructor
    )
