"""Callbacks, events and deliveries to write into a ledger."""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import replace
from typing import Any

from gateway import ids
from gateway.delivery import Delivery, Event, Headers
from gateway.ledger import Ledger, disposing, issuing
from gateway.ledger.issuing import Issued
from gateway.ledger.records import Callback, Disposed, Proposal
from gateway.outcome import State
from gateway.rules import Rules
from gateway.targets import Awakeable, Handler
from tests.core.samples import NOW, awakeable_id

RULES = Rules(("payment.succeeded",), ("payment.failed",))
STREAM = Handler("Inbox", "k", "take")
_numbers = itertools.count(17)


def new_reference() -> str:
    """A fresh reference."""
    return ids.new_reference(os.urandom(ids.REFERENCE_BYTES))


def callback(**changes: Any) -> Callback:
    """An open callback for an awakeable of its own."""
    number = next(_numbers)
    fresh = Callback(
        id=ids.new_id("cb", NOW, os.urandom(10)),
        client="shop",
        source="acmepay",
        target=Awakeable(awakeable_id(number)),
        rules=None,
        on_failure="resolve",
        label="",
        metadata=None,
        reference=new_reference(),
        key_id="k1",
        public_url="https://hooks.example.com",
        created_at=NOW,
        expires_at=int(NOW) + 3600,
        state=State.OPEN,
    )
    return replace(fresh, **changes)


def event(event_id: str | None = "evt_1", kind: str = "payment.succeeded", **changes: Any) -> Event:
    """An event whose id, like all of its body, is covered by the signature."""
    data = changes.pop("data", b'{"type":"%b","id":"%b"}' % (kind.encode(), str(event_id).encode()))
    fresh = Event(event_id, kind, data, json=True, digest=hashlib.sha256(data).digest())
    return replace(fresh, **changes)


def proposal(to: Callback | None, *events: Event, at: float = NOW, source: str = "acmepay") -> Proposal:
    """A verified delivery to a callback's URL, or to the account's where `to` is None."""
    body = events[0].data if len(events) == 1 else b"[" + b",".join(e.data for e in events) + b"]"
    return Proposal(
        id=ids.new_id("dl", at, os.urandom(10)),
        source=source,
        delivery=Delivery("POST", "https://hooks.example.com/c/acmepay/x", Headers(), body, at),
        kept_headers=[("content-type", "application/json")],
        secret="0a1b2c3d",
        events=events,
        rules=RULES,
        claims=to.claims if to else None,
        key_id="k1",
        now=at,
    )


async def issue(ledger: Ledger, to: Callback, key: str | None = None, request: bytes = b"request") -> Issued:
    """Issue a callback."""
    return await ledger.write(issuing.issue(to, key, hashlib.sha256(request).digest()), within=10)


async def open_callback(ledger: Ledger, **changes: Any) -> Callback:
    """A callback that has been issued."""
    return (await issue(ledger, callback(**changes))).callback


async def deliver(
    ledger: Ledger, to: Callback | None, *events: Event, at: float = NOW, source: str = "acmepay"
) -> list[Disposed]:
    """Record a delivery."""
    operation = disposing.record(proposal(to, *events, at=at, source=source), new_reference)
    return await ledger.write(operation, within=10)


async def deliver_one(ledger: Ledger, to: Callback | None, what: Event, at: float = NOW) -> Disposed:
    """Record a delivery of one event that is for one callback at most."""
    (disposed,) = await deliver(ledger, to, what, at=at)
    return disposed


async def state_of(ledger: Ledger, of: Callback) -> State:
    """A callback's state."""
    found = await ledger.read(issuing.find(of.id))
    assert found is not None
    return found.state


async def rows(ledger: Ledger, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return [tuple(row) for row in await ledger.read(lambda tx: tx.all(sql, parameters))]


async def effects(ledger: Ledger, of: Callback) -> int:
    """How many effects a callback has."""
    found = await rows(
        ledger,
        "SELECT count(*) FROM events WHERE callback_id = :id "
        "AND outcome IN ('pending', 'completed', 'progress')",
        id=of.id,
    )
    return int(found[0][0])
