"""
Doing a delivery again, through the same steps as the first time, from what is kept of it.

Its signature is judged as of its first receipt, what it does to a callback now. Only an event without an
effect can gain one: what was completed, or is pending, is a duplicate.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace

from gateway import urls
from gateway.delivery import Delivery, Headers
from gateway.envelope import timestamp
from gateway.errors import NotReplayable
from gateway.gateway import Gateway
from gateway.ledger import deliveries, disposing, refusing
from gateway.ledger.deliveries import Stored
from gateway.ledger.records import Disposed
from gateway.observe.passage import Passage
from gateway.outcome import Outcome
from gateway.public.approvals import SOURCE as APPROVALS
from gateway.public.receive import Address, Turned, at, carry_out, equip, judge
from gateway.sources import Source

#: Off the path of a webhook it may take longer.
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to, for people."""

    step: str
    result: str


@dataclass(frozen=True, slots=True)
class Replay:
    """
    What a replay did, or would do. `delivery_id` is None where nothing was written.

    `refused` is the outcome of a delivery without events, `reason` says why. `disposed` are its events with
    the outcomes that they came to.
    """

    delivery_id: str | None
    steps: list[Step]
    refused: Outcome | None = None
    reason: str | None = None
    disposed: tuple[Disposed, ...] = ()


async def replay(gateway: Gateway, stored: Stored, dry_run: bool) -> Replay:
    """Do a delivery again, or say what would happen; `NotReplayable` where what it takes is gone."""
    address, delivery = _rebuild(gateway, stored)
    steps = [Step("rebuild", _rebuilt(address, stored))]
    passage = Passage.begin()
    at(passage, address)
    address = await equip(gateway, address, delivery)
    judged = judge(gateway, address, delivery, passage, stored.first)
    judged_at = timestamp(stored.received_at)
    if isinstance(judged, Turned):
        outcome, reason = judged.refused.outcome, judged.refused.reason
        if outcome is Outcome.UNVERIFIED:
            if not address.url:
                raise NotReplayable(
                    f"the key {address.key_id} that its URL was signed with is no longer in the key file, "
                    f"and without that URL it is not verified: {reason}"
                )
            steps.append(Step("verify", f"as of {judged_at}: {reason}"))
        else:
            steps += [Step("verify", _verified(judged.refused.secret, judged_at)), Step("read", reason)]
        if not dry_run:
            await gateway.ledger.write(refusing.record([judged.refused]), _SECONDS)
            gateway.observer.replayed(passage)
        return Replay(None if dry_run else judged.refused.id, steps, outcome, reason)
    steps += [
        Step("verify", _verified(judged.secret, judged_at)),
        Step("read", ", ".join(event.type for event in judged.events) or "no events"),
    ]
    if dry_run:
        operation = disposing.record(judged, gateway.new_reference)
        disposed = await deliveries.rehearse(gateway.ledger, operation)
        owed = sum(one.owed is not None for one in disposed)
        steps += [_disposed(disposed), Step("complete", f"Restate would be told of {owed}")]
        return Replay(None, steps, disposed=tuple(disposed))
    await gateway.to_the_end(carry_out(gateway, judged, passage, time.monotonic() + _SECONDS))
    gateway.observer.replayed(passage)
    disposed, outcomes = passage.disposed, passage.outcomes
    told = [outcome for one, outcome in zip(disposed, outcomes, strict=True) if one.owed is not None]
    said = f"Restate was told of {len(told)}: {', '.join(told)}" if told else "Restate was told of 0"
    steps += [_disposed(disposed), Step("complete", said)]
    settled = (replace(one, outcome=outcome) for one, outcome in zip(disposed, outcomes, strict=True))
    return Replay(judged.id, steps, disposed=tuple(settled))


def _disposed(disposed: list[Disposed]) -> Step:
    said = ", ".join(f"{one.event_type}: {one.outcome}" for one in disposed)
    return Step("dispose", said or "no events")


def _rebuild(gateway: Gateway, stored: Stored) -> tuple[Address, Delivery]:
    """Where a delivery came in and what it was; the URL is "" where its key is gone."""
    if stored.source == APPROVALS:
        raise NotReplayable(
            "this is a decision on an approval page, not a provider's delivery; issue the approval again"
        )
    source = gateway.sources.get(stored.source)
    if source is None:
        raise NotReplayable(f'its source "{stored.source}" is no longer in the configuration')
    body = _body(gateway, stored)
    if stored.secret and stored.secret not in {key.fingerprint for key in source.keys}:
        raise NotReplayable(
            f"it was signed with the secret {stored.secret}, which the source {source.name} no longer has; "
            f"put it back into sources.{source.name}.secrets to replay"
        )
    address = _address(gateway, stored, source)
    delivery = Delivery(
        method=stored.method,
        url=f"{address.url}?{stored.query}" if stored.query else address.url,
        headers=Headers((name, value) for name, value in json.loads(stored.headers)),
        body=body,
        received_at=stored.received_at,
    )
    return address, delivery


def _body(gateway: Gateway, stored: Stored) -> bytes:
    if stored.body is None:
        days = gateway.settings.ledger.keep_bodies
        raise NotReplayable(f"its body is not kept (any more): ledger.keep_bodies is {days}")
    if stored.size is not None and stored.size > len(stored.body):
        raise NotReplayable(
            f"only the first {len(stored.body)} of its {stored.size} bytes are kept: it was refused"
        )
    return stored.body


def _address(gateway: Gateway, stored: Stored, source: Source) -> Address:
    if stored.callback_id is None:
        return Address(source, gateway.account_url(source.name), None)
    callback = stored.callback
    if callback is None:
        raise NotReplayable(f"the callback {stored.callback_id} whose URL it came to is no longer there")
    # A retired key gives out no URL, but this one was given out: what was signed has to be the same text.
    key = gateway.ring.key(callback.key_id)
    url = ""
    if key is not None:
        url = urls.of_callback(callback, gateway.ring, key)
    return Address(source, url, callback.claims, callback.key_id)


def _rebuilt(address: Address, stored: Stored) -> str:
    size = f"{len(stored.body or b'')} bytes, received at {timestamp(stored.received_at)}"
    if address.claims is None:
        return f"{size}, on the account's URL"
    how = f"minted again with the key {address.key_id}" if address.url else "whose key is gone"
    return f"{size}, on the URL of {address.claims.callback_id}, {how}"


def _verified(secret: str, judged_at: str) -> str:
    return f"signed with the secret {secret}, as of {judged_at}" if secret else "nothing is signed here"
