"""The URLs that are given out: minted from a callback and its key, the same text each time."""

from __future__ import annotations

from dataclasses import replace

from gateway.keyring import Key, KeyRing, Purpose
from gateway.ledger.records import Callback
from gateway.tokens import mint


def of_callback(callback: Callback, ring: KeyRing, key: Key) -> str:
    """The URL that a provider calls."""
    return f"{callback.public_url}/c/{callback.source}/{mint(callback.claims, ring, key)}"


def of_approval(callback: Callback, ring: KeyRing, key: Key) -> dict[str, str]:
    """The link of each person who is asked, by recipient."""
    urls = {}
    for place, recipient in enumerate((callback.approval or {})["recipients"]):
        # What is asked and its rules stand in the ledger: the link stays short.
        claims = replace(callback.claims, recipient=place, rules=None)
        urls[recipient] = f"{callback.public_url}/a/{mint(claims, ring, key, Purpose.APPROVAL)}"
    return urls
