"""
Which invocation an awakeable belongs to: Restate derives the one id from the other.

The encoding is Restate's own and internal (seen on restate-server 1.7.12; the tests check it on live
pairs): whoever asks Restate about an id from here has to see a live one first, before "there is no such
invocation" means anything.
"""

from __future__ import annotations

from gateway.targets import Awakeable

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PREFIX = "inv_1"
#: The partition key's bytes and their digits, then those of the uuid: each a little-endian number.
_PARTS = ((slice(0, 8), 11), (slice(8, 24), 22))


def invocation_id(awakeable: Awakeable) -> str:
    """The id (`inv_1…`, 38 characters) of the invocation that waits for an awakeable: as secret as its id."""
    packed = awakeable.packed
    return _PREFIX + "".join(_base62(packed[part], digits) for part, digits in _PARTS)


def signal_index(awakeable: Awakeable) -> int:
    """Which of its invocation's signals completes an awakeable, 17 or more."""
    return int.from_bytes(awakeable.packed[24:], "big")


def _base62(data: bytes, digits: int) -> str:
    number = int.from_bytes(data, "little")
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    return text
