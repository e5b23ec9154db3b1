"""
The ids that the gateway gives out.

Base32 in Crockford's alphabet, lower case: no letters that are taken for digits, and safe in a path.
Random bits come in as arguments, so that the core stays free of them.
"""

from __future__ import annotations

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
#: Two characters at a time: an id is made for each delivery.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
#: To the digits that `int` reads in base 32.
_TO_DIGITS = bytes.maketrans(_ALPHABET.encode(), b"0123456789abcdefghijklmnopqrstuv")

CALLBACK_ID_BYTES = 16
#: 100 random bits in 20 characters: what a provider's own reference field carries (DocuSign and
#: Authorize.Net's 20 characters are the shortest).
REFERENCE_BYTES = 13
REFERENCE_LENGTH = 20


def new_id(prefix: str, now: float, random: bytes) -> str:
    """
    An id such as `cb_01…` that sorts by time: 48 bits of milliseconds, then 80 random ones.

    `random` is ten bytes. The layout is a ULID's.
    """
    return f"{prefix}_{_encode(int(now * 1000).to_bytes(6, 'big') + random[:10])}"


def first_id(prefix: str, now: float) -> str:
    """The smallest id of a moment: those of later ones are larger."""
    return new_id(prefix, now, bytes(10))


def last_id(prefix: str) -> str:
    """A text that sorts behind every id."""
    return f"{prefix}_{_ALPHABET[-1] * 26}"


def new_reference(random: bytes) -> str:
    """A callback's reference: 20 characters out of 13 random bytes."""
    return _encode(random)[-REFERENCE_LENGTH:]


def pack_callback_id(callback_id: str) -> bytes:
    """A callback's id as 16 bytes."""
    digits = callback_id.removeprefix("cb_").encode().translate(_TO_DIGITS)
    return int(digits, 32).to_bytes(CALLBACK_ID_BYTES, "big")


def unpack_callback_id(packed: bytes) -> str:
    """The callback id that `pack_callback_id` packed."""
    return f"cb_{_encode(packed)}"


def _encode(data: bytes) -> str:
    """The 26 characters of 16 bytes. Written out: a loop costs three times as much."""
    n = int.from_bytes(data, "big")
    return (
        f"{_PAIRS[n >> 120]}{_PAIRS[n >> 110 & 1023]}{_PAIRS[n >> 100 & 1023]}{_PAIRS[n >> 90 & 1023]}"
        f"{_PAIRS[n >> 80 & 1023]}{_PAIRS[n >> 70 & 1023]}{_PAIRS[n >> 60 & 1023]}{_PAIRS[n >> 50 & 1023]}"
        f"{_PAIRS[n >> 40 & 1023]}{_PAIRS[n >> 30 & 1023]}{_PAIRS[n >> 20 & 1023]}{_PAIRS[n >> 10 & 1023]}"
        f"{_PAIRS[n & 1023]}"
    )
