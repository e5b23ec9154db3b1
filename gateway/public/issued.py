"""Verifying a delivery whose signature covers its URL: the one that was issued, whatever `public_url` is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.delivery import Delivery
from gateway.errors import Unverified
from gateway.settings import Settings
from gateway.sources import Source


def verify(source: Source, delivery: Delivery, settings: Settings) -> tuple[int, Delivery]:
    """
    The index of the key that verified a delivery, and the delivery with the URL that it was sent to.

    Neither a token nor an account's URL says what stood before its path when it was given out, so each
    of `settings.public_urls` is tried. Raises the `Unverified` of the URL that the delivery came with.
    """
    try:
        return source.provider.verify(delivery, source.keys, delivery.received_at), delivery
    except Unverified as error:
        for other in _elsewhere(delivery, settings.public_urls):
            try:
                return source.provider.verify(other, source.keys, delivery.received_at), other
            except Unverified:
                continue
        raise error from None


def _elsewhere(delivery: Delivery, public_urls: Sequence[str]) -> Iterator[Delivery]:
    """The delivery as it would have come to each other address."""
    for base in public_urls:
        path = delivery.url.removeprefix(base)
        if path.startswith(("/c/", "/s/")):
            for other in public_urls:
                if other != base:
                    yield replace(delivery, url=other + path)
            return
