"""Making a signed delivery one that has to be refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.delivery import Delivery
from gateway.errors import Unverified
from gateway.providers.base import Provider
from gateway.secret import Secret

#: Older than anybody tolerates: some allow for all the days that they repeat one signature.
STALE_SECONDS = 365 * 86_400
#: Ids and amounts; what is longer is a signature, or a payload that is encoded.
_SHORT = re.compile(rb"(?<![\w+/=%])[\w.-]{1,36}(?![\w+/=%])")
_DIGIT = re.compile(rb"[0-9]")


def verifies(provider: Provider, delivery: Delivery, keys: Sequence[Secret], now: float) -> bool:
    """Whether a delivery would be taken as genuine."""
    try:
        provider.verify(delivery, keys, now)
    except Unverified:
        return False
    return True


def tampered(provider: Provider, delivery: Delivery, keys: Sequence[Secret], now: float) -> Delivery | None:
    """The delivery with one digit of its body changed that is signed; None where nothing of it is."""
    for place in _digits(delivery.body):
        digit = b"2" if delivery.body[place : place + 1] == b"1" else b"1"
        body = delivery.body[:place] + digit + delivery.body[place + 1 :]
        changed = replace(delivery, body=body)
        if not verifies(provider, changed, keys, now):
            return changed
    return None


def _digits(body: bytes) -> Iterator[int]:
    """Where digits stand: first those of short words, then all."""
    for word in _SHORT.finditer(body):
        yield from (found.start() for found in _DIGIT.finditer(body, word.start(), word.end()))
    yield from (found.start() for found in _DIGIT.finditer(body))
