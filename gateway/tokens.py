"""
The signed text in a callback's URL.

`/c/{source}/{key id}.{sealed}.{signature}`: the whole of `source/key id.sealed` is signed as itsdangerous
does, with HMAC-SHA-256; what the callback completes is sealed inside with AES-SIV (RFC 5297), so that
nobody reads an awakeable id, which is a capability, out of a URL. Both are deterministic: minting is a pure
function of the claims and the key. A token has exactly one spelling.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag

from gateway import targets
from gateway.errors import Invalid, NotAuthentic
from gateway.ids import CALLBACK_ID_BYTES, pack_callback_id, unpack_callback_id
from gateway.keyring import Key, KeyRing, Purpose
from gateway.rules import OnFailure, Rules
from gateway.targets import Awakeable, Target

#: The layout below. A reader refuses any other; a new layout gets a new number.
_VERSION = 1
#: Seconds since the epoch in five bytes: until the year 36812.
_TIME_BYTES = 5
#: The longest token that is read, and how many bytes may be sealed in it: base64 makes four of three, and
#: key id, AES-SIV's 16 bytes, signature and dots come on top. A target takes less than half of it.
MAX_LENGTH = 4096
_MAX_PACKED = 3000
_FROM_URL = bytes.maketrans(b"-_", b"+/")


@dataclass(slots=True)
class Claims:
    """
    What a token says: enough to make its callback's row again when a ledger has lost it.

    `expires_at` is in whole seconds since the epoch. `rules` is None where the source's own apply.
    `recipient` is the index of the person whose link it is, for approvals.
    """

    callback_id: str
    source: str
    target: Target
    expires_at: int
    rules: Rules | None = None
    on_failure: OnFailure = "reject"
    recipient: int | None = None


def mint(claims: Claims, ring: KeyRing, key: Key, purpose: Purpose = Purpose.CALLBACK) -> str:
    """
    The token of these claims, signed by a key of the ring: the same text for the same arguments.

    Raises `Invalid` as `check` does.
    """
    packed = _checked(claims)
    working = ring.working(key, purpose)
    sealed = working.seal.encrypt(packed, [_context(purpose, claims.source, key.id)])
    text = f"{key.id}.{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"
    return f"{text}.{working.signature(f'{claims.source}/{text}')}"


def read(source: str, token: str, ring: KeyRing, purpose: Purpose = Purpose.CALLBACK) -> tuple[Claims, Key]:
    """
    The claims of an authentic token, and the key that signed it.

    Raises `NotAuthentic`, and nothing else, for every other text. Whether it has expired is not judged
    here: an authentic delivery that came too late is recorded as such.
    """
    if len(token) > MAX_LENGTH or not token.isascii() or not source.isascii():
        raise NotAuthentic
    text, _, signature = token.rpartition(".")
    key_id, _, sealed = text.partition(".")
    key = ring.verifying(key_id)
    # An unknown key id costs the work of a wrong signature, so that time does not tell them apart.
    working = ring.working(key or ring.primary, purpose)
    # The texts are compared, not what they decode to: the signature has one spelling that way, and it
    # covers the spelling of everything else.
    if not hmac.compare_digest(working.signature(f"{source}/{text}"), signature) or key is None:
        raise NotAuthentic
    try:
        packed = working.seal.decrypt(_decode(sealed), [_context(purpose, source, key.id)])
        return _unpack(source, packed), key
    except (InvalidTag, Invalid, ValueError, LookupError, TypeError):
        # Behind the signature it is ours, but a newer gateway's layout may be beyond this one.
        raise NotAuthentic from None


def check(claims: Claims) -> None:
    """Raise `Invalid` for claims whose token would be longer than `read` takes."""
    _checked(claims)


def _checked(claims: Claims) -> bytes:
    packed = _pack(claims)
    if len(packed) > _MAX_PACKED:
        raise Invalid(
            "succeed_on, fail_on: together they are too long for a URL; at most about 1,500 bytes fit, "
            'a beginning and "*" stands for many types'
        )
    return packed


def _context(purpose: Purpose, source: str, key_id: str) -> bytes:
    return f"{purpose}/{source}/{key_id}".encode()


def _decode(text: str) -> bytes:
    # As `base64` does, at a third of its cost.
    digits = text.encode().translate(_FROM_URL) + b"=" * (-len(text) % 4)
    return binascii.a2b_base64(digits, strict_mode=True)


def _pack(claims: Claims) -> bytes:
    """Version, callback id, expiry, then the target: 28 bytes of awakeable id, or JSON; then the rest."""
    rest: dict[str, Any] = {}
    if isinstance(claims.target, Awakeable):
        awakeable = claims.target.packed
    else:
        awakeable = b""
        rest["target"] = targets.as_json(claims.target)
    if claims.rules is not None:
        rest["succeed_on"] = claims.rules.succeed_on
        rest["fail_on"] = claims.rules.fail_on
    if claims.on_failure != "reject":
        rest["on_failure"] = claims.on_failure
    if claims.recipient is not None:
        rest["recipient"] = claims.recipient
    return b"".join(
        (
            bytes((_VERSION, len(awakeable))),
            pack_callback_id(claims.callback_id),
            claims.expires_at.to_bytes(_TIME_BYTES, "big"),
            awakeable,
            json.dumps(rest, separators=(",", ":"), ensure_ascii=False).encode() if rest else b"",
        )
    )


def _unpack(source: str, packed: bytes) -> Claims:
    """The claims in bytes that were sealed by us; the version is checked all the same."""
    version, size = packed[0], packed[1]
    if version != _VERSION:
        raise NotAuthentic
    at = 2 + CALLBACK_ID_BYTES
    callback_id = unpack_callback_id(packed[2:at])
    expires_at = int.from_bytes(packed[at : at + _TIME_BYTES], "big")
    at += _TIME_BYTES
    rest: dict[str, Any] = json.loads(packed[at + size :]) if len(packed) > at + size else {}
    target: Target = (
        Awakeable(Awakeable.unpack(packed[at : at + size])) if size else targets.parse(rest["target"])
    )
    rules = Rules(tuple(rest["succeed_on"]), tuple(rest["fail_on"])) if "succeed_on" in rest else None
    return Claims(
        callback_id,
        source,
        target,
        expires_at,
        rules,
        rest.get("on_failure", "reject"),
        rest.get("recipient"),
    )
