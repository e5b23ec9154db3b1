"""PayPal signs a CRC-32 of the body: what that proves, and what it does not."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.delivery import Challenge, Delivery, Event
from gateway.errors import Unverified
from tests.providers.samples import NOW, PROVIDERS, keys, signed

PAYPAL = PROVIDERS["paypal"]


def event(delivery: Delivery) -> Event:
    found = PAYPAL.read(delivery)
    assert not isinstance(found, Challenge)
    return found[0]


def filling(before: bytes, behind: bytes, wanted: int) -> bytes:
    """The four bytes between the two that give the whole a checksum: CRC-32 is linear in each bit."""

    def checksum(number: int) -> int:
        return zlib.crc32(before + number.to_bytes(4, "big") + behind)

    zero = checksum(0)
    # Of each bit what it changes; reduced until every highest bit stands alone.
    rows: dict[int, tuple[int, int]] = {}
    for place in range(32):
        change, bits = checksum(1 << place) ^ zero, 1 << place
        while change and change.bit_length() in rows:
            other, more = rows[change.bit_length()]
            change, bits = change ^ other, bits ^ more
        if change:
            rows[change.bit_length()] = (change, bits)
    left, found = wanted ^ zero, 0
    while left:
        change, bits = rows[left.bit_length()]
        left, found = left ^ change, found ^ bits
    return found.to_bytes(4, "big")


def forgeries(body: bytes) -> Iterator[bytes]:
    """Bodies of another payment with the checksum of this one."""
    other = body.replace(b"k3x9v2m7q1w8e5r4t6y0", b"a" * 20).replace(b"WH-58D3", b"WH-0000")
    before, behind = other[:-1] + b',"filling":"', b'"}'
    for number in range(10_000):
        start = before + str(number).encode()
        four = filling(start, behind, zlib.crc32(body))
        if four.isalnum():
            yield start + four + behind


def test_another_body_of_the_same_checksum_is_the_same_transmission() -> None:
    good = signed("paypal")
    forged = replace(good, body=next(forgeries(good.body)))
    assert forged.body != good.body
    assert PAYPAL.verify(forged, keys("paypal"), NOW) == 0
    # So it may name another callback, and takes no effect where the genuine one was seen.
    assert event(forged).references == ("a" * 20,)
    assert event(forged).id == event(good).id
    assert PAYPAL.verified == "notification"
    assert PAYPAL.covers == "fields"
    assert not event(forged).type_covered


def test_a_repeat_under_another_transmission_is_known_by_its_body() -> None:
    first, again = event(signed("paypal")), signed("paypal")
    again = replace(again, headers=again.headers.with_(paypal_transmission_id="b2c3"))
    assert first.id != event(again).id
    assert first.digest == event(again).digest is not None
    assert not first.id_covered


def test_no_single_byte_of_a_body_can_be_changed() -> None:
    good = signed("paypal")
    for place in range(len(good.body)):
        changed = bytearray(good.body)
        changed[place] ^= 1
        with pytest.raises(Unverified):
            PAYPAL.verify(replace(good, body=bytes(changed)), keys("paypal"), NOW)
