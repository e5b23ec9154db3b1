"""
Step 6: one transaction that looks up the callback, inserts delivery and events, and claims the callback.

An event is (source, event id). An effect is (event, callback) and unique. The claim is the change of the
callback's state from `open`: whoever makes it is the only one to tell Restate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from gateway import failpoints
from gateway.decide import Disposal, Earlier, Standing, dispose
from gateway.delivery import Delivery, Event, Headers
from gateway.envelope import timestamp
from gateway.ledger.records import EFFECT_LOOK_MS, Callback, Disposed, Goal, Owed, Proposal, check_at
from gateway.ledger.worker import Raced, Transaction
from gateway.outcome import Outcome, State
from gateway.rules import Rules, Verdict
from gateway.tokens import Claims

#: How long a row in flight is left alone by the courier: longer than step 7 may take.
IN_FLIGHT_MS = 10_000
#: Held by whoever needs the bodies that are kept: retention drops none meanwhile.
BODIES = "bodies"
#: Of SHA-256: enough to tell contents apart, half the room.
_DIGEST_BYTES = 16
_BY_ID = f"SELECT {Goal.COLUMNS} FROM callbacks c WHERE c.id = :id"
_BY_ID_LOCKED = f"{_BY_ID} FOR UPDATE"
#: Whether the event had an effect before is asked along: it seldom had, and then that is one statement less.
#: Who holds the event's identity, as every delivery does, sees all effects that it had.
_FOR_EVENT = (
    f"SELECT {Goal.COLUMNS}, NOT EXISTS (SELECT 1 FROM events e WHERE e.source = :source "
    "AND e.event_id = :event_id AND e.effect = true) AS fresh FROM callbacks c WHERE c.id = :id FOR UPDATE"
)


def record(proposal: Proposal, reference: Callable[[], str]) -> Callable[[Transaction], list[Disposed]]:
    """
    The operation that writes a delivery and disposes of its events; its result is a list of `Disposed`.

    `reference` makes a fresh one, for a callback that has to be adopted.
    """

    def operation(tx: Transaction) -> list[Disposed]:
        disposed = []
        events = [_identified(event, proposal.replay_of or proposal.id) for event in proposal.events]
        if not tx.alone:
            _hold(tx, proposal, events, reference)
        for named in events:
            goals = _goals(tx, proposal, named, reference)
            if goals:
                disposed += [_on_goal(tx, proposal, named, goal) for goal in goals]
            else:
                disposed.append(_on_none(tx, proposal, named))
        # An account's other traffic is none of ours: its bodies are not kept.
        keep_body = proposal.claims is not None or any(d.outcome is not Outcome.FILTERED for d in disposed)
        delivery = proposal.delivery
        row: dict[str, Any] = {
            "id": proposal.id,
            "source": proposal.source,
            "callback_id": proposal.claims.callback_id if proposal.claims else None,
            "received_at": _ms(delivery.received_at),
            "method": delivery.method,
            "query": delivery.url.partition("?")[2],
            "headers": to_json(proposal.kept_headers).decode(),
            "body": delivery.body if keep_body else None,
            "size": len(delivery.body),
            "secret": proposal.secret,
        }
        # What is null is left out: each value costs.
        if proposal.note is not None:
            row["reason"] = proposal.note
        if proposal.replay_of is not None:
            row["replay_of"] = proposal.replay_of
        if not events:
            row["eventless"] = True
        tx.insert("deliveries", row)
        if failpoints.armed():
            tx.before_flush(lambda: failpoints.reach_in_thread("before-commit"))
        return disposed

    return operation


def _identified(event: Event, delivery_id: str) -> Event:
    """The event with an id: its own, else what its signature covers, else this very delivery."""
    if event.id is not None:
        return event
    return replace(event, id=event.digest.hex() if event.digest else delivery_id, id_covered=True)


def _hold(tx: Transaction, proposal: Proposal, events: list[Event], reference: Callable[[], str]) -> None:
    """
    Hold all that the disposal depends on, where several processes share the ledger.

    That is each event's identity, each object that an alias may name, and each callback, always in the same
    order: no two deliveries wait for each other.
    """
    on_account = proposal.claims is None
    tx.lock(*(text for event in events for text in _locks(proposal.source, event, on_account)))
    if on_account:
        found = {goal.id for event in events for goal in _goals(tx, proposal, event, reference)}
        for callback_id in sorted(found):
            tx.one("SELECT id FROM callbacks WHERE id = :id FOR UPDATE", {"id": callback_id})


def _locks(source: str, event: Event, objects: bool) -> Iterator[str]:
    """What stands for an event among the ledger's locks."""
    yield f"event {source} {event.id}"
    if not event.id_covered and event.digest is not None:
        yield f"content {source} {event.digest.hex()}"
    if objects:
        yield from (f"object {source} {text}" for text in event.objects)


def _goals(tx: Transaction, proposal: Proposal, event: Event, reference: Callable[[], str]) -> list[Goal]:
    """The callbacks that an event is for: the URL's, or all that its reference or an alias names."""
    if proposal.claims is not None:
        named = {"id": proposal.claims.callback_id, "source": proposal.source, "event_id": event.id}
        row = tx.one(_FOR_EVENT, named)
        if row is None:
            return [_adopt(tx, proposal, proposal.claims, reference())]
        *columns, fresh = row
        return [Goal.of(columns, proposal.claims.target, bool(fresh))]
    found: dict[str, Goal] = {}
    for text in event.references:
        for row in tx.all(
            f"SELECT {Goal.COLUMNS} FROM callbacks c WHERE c.reference = :reference AND c.source = :source",
            {"reference": text, "source": proposal.source},
        ):
            found[row["id"]] = Goal.of(row)
    for text in event.objects:
        for row in tx.all(
            f"SELECT {Goal.COLUMNS} FROM aliases a JOIN callbacks c ON c.id = a.callback_id "
            "WHERE a.source = :source AND a.alias = :alias",
            {"source": proposal.source, "alias": text},
        ):
            found[row["id"]] = Goal.of(row)
    return list(found.values())


def _adopt(tx: Transaction, proposal: Proposal, claims: Claims, reference: str) -> Goal:
    """The callback of an authentic token whose row a restored ledger has lost, made again from it."""
    callback = Callback(
        id=claims.callback_id,
        client="",
        source=claims.source,
        target=claims.target,
        rules=claims.rules,
        on_failure=claims.on_failure,
        # Its label is gone; the id keeps it from superseding anything.
        label=claims.callback_id,
        metadata=None,
        reference=reference,
        key_id=proposal.key_id,
        public_url=proposal.delivery.url.partition("?")[0].rpartition("/c/")[0],
        created_at=proposal.delivery.received_at,
        expires_at=claims.expires_at,
        state=State.OPEN,
        adopted=True,
    )
    tx.insert("callbacks", callback.to_row())
    return Goal(
        id=callback.id,
        source=callback.source,
        target=callback.target,
        rules=callback.rules,
        on_failure=callback.on_failure,
        expires_at=callback.expires_at,
        state=callback.state,
        took_effect=callback.took_effect,
        adopted=callback.adopted,
    )


def _on_goal(tx: Transaction, proposal: Proposal, event: Event, goal: Goal) -> Disposed:
    verdict = proposal.verdict or (goal.rules or proposal.rules).judge(event.type)
    earlier = _earlier(tx, proposal, event, goal)
    now = proposal.delivery.received_at
    regains = _regains(tx, proposal, event, goal)
    gone = goal.took_effect == "no"
    standing = Standing(goal.state, goal.expires_at, goal.stream, regains, gone)
    disposal = dispose(standing, verdict, earlier, now)
    if disposal.state is not None and not _claim(tx, proposal, goal, disposal.state):
        # Somebody else's transaction came first (several processes on one PostgreSQL): judge again.
        return _on_goal(tx, proposal, event, _reread(tx, _BY_ID, goal.id))
    if disposal.conflict and earlier is None:
        disposal = replace(disposal, conflict=_differs(tx, event, goal))
    takes_effect = disposal.takes_effect
    sequence = _next_in_stream(tx, goal) if takes_effect and goal.stream else None
    waits = sequence is not None and _older_is_owed(tx, goal)
    time = event.time or timestamp(now)
    row_id = _insert(tx, proposal, event, verdict, disposal, goal.id, sequence, waits, time)
    owed = None
    if takes_effect:
        owed = Owed(
            row=row_id,
            callback=goal,
            source=proposal.source,
            event_id=event.id or "",
            event_type=event.type,
            type_verified=event.type_covered,
            verdict=verdict,
            time=time,
            reason=event.reason,
            data=event.data,
            json=event.json,
            media_type=event.media_type,
            sequence=sequence,
            waits=waits,
        )
    return Disposed(
        disposal.outcome,
        event.type,
        goal.id,
        disposal.conflict,
        disposal.contradicts,
        goal.adopted,
        owed,
    )


def _on_none(tx: Transaction, proposal: Proposal, event: Event) -> Disposed:
    """An event of an account that no callback claims: kept, in case an alias still comes."""
    verdict = proposal.rules.judge(event.type)
    outcome = Outcome.FILTERED if verdict is Verdict.PROGRESS else Outcome.UNMATCHED
    time = event.time or timestamp(proposal.delivery.received_at)
    row = _insert(tx, proposal, event, verdict, Disposal(outcome), None, None, False, time)
    if outcome is Outcome.UNMATCHED:
        # Without an object no alias finds it; it is kept as long all the same, for a replay.
        for text in dict.fromkeys(event.objects or ("",)):
            parked = {"event": row, "source": proposal.source, "object": text, "since": _ms(proposal.now)}
            tx.insert("parked", parked)
    return Disposed(outcome, event.type, None)


def unpark(tx: Transaction, callback: Callback, text: str, rules: Rules, now: float) -> list[Disposed]:
    """
    Dispose of the events that came for an object before an alias gave it to a callback, oldest first.

    They are judged as of their receipt: what came in time counts. That they were unmatched then stays on
    record, and another callback with the same alias gets them as well.
    """
    # Their identities are known only once they are read; held one after the other, they would be held in
    # another order than that of the deliveries.
    waiting = _parked(tx, callback.source, text)
    locks = {lock for *_, event in waiting for lock in _locks(callback.source, event, False)}
    tx.lock(BODIES, f"object {callback.source} {text}", *locks)
    # Nobody can add to them now.
    waiting = _parked(tx, callback.source, text)
    if not locks.issuperset(lock for *_, event in waiting for lock in _locks(callback.source, event, False)):
        raise Raced
    disposed = []
    for delivery_id, delivery, event in waiting:
        proposal = Proposal(delivery_id, callback.source, delivery, [], "", (event,), rules, None, "", now)
        goal = _reread(tx, _BY_ID_LOCKED, callback.id)
        disposed.append(_on_goal(tx, proposal, event, goal))
    return disposed


def _parked(tx: Transaction, source: str, text: str) -> list[tuple[str, Delivery, Event]]:
    """The events that nobody claimed and that speak of an object, with their deliveries, oldest first."""
    rows = tx.all(
        "SELECT e.*, d.received_at, d.method, d.body FROM parked p JOIN events e ON e.id = p.event "
        "JOIN deliveries d ON d.id = e.delivery_id WHERE p.source = :source AND p.object = :object "
        "AND d.body IS NOT NULL ORDER BY e.id",
        {"source": source, "object": text},
    )
    found = []
    for row in rows:
        delivery = Delivery(row["method"], "", Headers(), bytes(row["body"]), row["received_at"] / 1000)
        event = Event(
            id=row["event_id"],
            type=row["type"],
            data=delivery.body if row["data"] is None else bytes(row["data"]),
            json=bool(row["json"]),
            media_type=row["media_type"],
            time=row["time"],
            digest=row["covered_digest"],
            id_covered=bool(row["id_covered"]),
            type_covered=bool(row["type_verified"]),
            reason=row["reason"],
        )
        found.append((row["delivery_id"], delivery, event))
    return found


def _reread(tx: Transaction, sql: str, callback_id: str) -> Goal:
    """A callback that is known to be there, as it is by now."""
    row = tx.one(sql, {"id": callback_id})
    assert row is not None  # it is dropped only once it has no events and is over for long
    return Goal.of(row)


def _earlier(tx: Transaction, proposal: Proposal, event: Event, goal: Goal) -> Earlier | None:
    """
    The effect that this event had before.

    Where its id is not covered by the signature, an event with the same covered content counts as well.
    On an account's URL an event may affect several callbacks, so only this one's effects count there.
    """
    rows = []
    if not goal.fresh:
        rows = tx.all(
            "SELECT callback_id, data_digest FROM events WHERE source = :source AND event_id = :event_id "
            "AND effect = true",
            {"source": proposal.source, "event_id": event.id},
        )
    if not event.id_covered and event.digest is not None:
        # Beside those of the id: whoever replays can set it to that of another event.
        rows += tx.all(
            "SELECT callback_id, data_digest FROM events WHERE source = :source AND covered_digest = :digest "
            "AND id_covered = false AND effect = true",
            {"source": proposal.source, "digest": event.digest},
        )
    here = next((row for row in rows if row["callback_id"] == goal.id), None)
    if here is not None:
        return Earlier(here=True, same=here["data_digest"] == _digest(event))
    if rows and proposal.claims is not None:
        return Earlier(here=False, same=rows[0]["data_digest"] == _digest(event))
    return None


def _differs(tx: Transaction, event: Event, goal: Goal) -> bool:
    """Whether a finished callback was finished by other content than this event's."""
    row = tx.one(
        "SELECT data_digest FROM events WHERE callback_id = :id AND verdict != 'progress' "
        "AND outcome IN ('pending', 'completed')",
        {"id": goal.id},
    )
    return row is None or row["data_digest"] != _digest(event)


def _regains(tx: Transaction, proposal: Proposal, event: Event, goal: Goal) -> bool:
    """
    Whether a replay brings the event that finished the callback and that Restate refused for good, or ops
    complete it by hand in that event's place.
    """
    by_hand = proposal.verdict is not None
    if not (by_hand or proposal.replay_of) or goal.state not in (State.COMPLETED, State.FAILED):
        return False
    rows = tx.all(
        "SELECT event_id, outcome FROM events WHERE callback_id = :id AND verdict != 'progress' "
        "AND outcome IN ('pending', 'completed', 'dead')",
        {"id": goal.id},
    )
    dead = [row["event_id"] for row in rows if row["outcome"] == Outcome.DEAD]
    return (event.id in dead or (by_hand and bool(dead))) and len(dead) == len(rows)


def _claim(tx: Transaction, proposal: Proposal, goal: Goal, state: State) -> bool:
    return bool(
        tx.run(
            "UPDATE callbacks SET state = :state, state_at = :now, check_at = :check_at "
            "WHERE id = :id AND state = :was",
            {
                "state": state,
                "now": _ms(proposal.delivery.received_at),
                "check_at": check_at(goal.target, EFFECT_LOOK_MS, proposal.now),
                "id": goal.id,
                "was": goal.state,
            },
        )
    )


def _next_in_stream(tx: Transaction, goal: Goal) -> int:
    row = tx.one(
        "UPDATE callbacks SET sequence = sequence + 1 WHERE id = :id RETURNING sequence", {"id": goal.id}
    )
    return int(row["sequence"]) if row else 0


def _older_is_owed(tx: Transaction, goal: Goal) -> bool:
    row = tx.one(
        "SELECT 1 FROM events WHERE callback_id = :id AND outcome = 'pending' AND sequence IS NOT NULL "
        "LIMIT 1",
        {"id": goal.id},
    )
    return row is not None


def _insert(
    tx: Transaction,
    proposal: Proposal,
    event: Event,
    verdict: Verdict,
    disposal: Disposal,
    callback_id: str | None,
    sequence: int | None,
    waits: bool,
    time: str,
) -> int:
    row: dict[str, Any] = {
        "delivery_id": proposal.id,
        "source": proposal.source,
        "event_id": event.id,
        "type": event.type,
        "verdict": verdict,
        "data_digest": _digest(event),
        "media_type": event.media_type,
        "time": time,
        "callback_id": callback_id,
        "outcome": disposal.outcome,
        "effect": disposal.takes_effect,
        "not_before": _ms(proposal.now) + (0 if waits else IN_FLIGHT_MS),
    }
    # Of what follows most events need nothing: its columns say so by themselves.
    if not event.type_covered:
        row["type_verified"] = False
    if not event.id_covered:
        row["id_covered"], row["covered_digest"] = False, event.digest
    # The item of a batch and a form's object are not the body itself; an account's other traffic is none of
    # ours.
    unwanted = callback_id is None and disposal.outcome is Outcome.FILTERED
    if event.data is not proposal.delivery.body and not unwanted:
        row["data"] = event.data
    if not event.json:
        row["json"] = False
    if event.reason is not None:
        row["reason"] = event.reason
    if disposal.conflict or disposal.contradicts:
        row["conflict"], row["contradicts"] = disposal.conflict, disposal.contradicts
    if sequence is not None:
        row["sequence"] = sequence
    return tx.insert("events", row)


def _digest(event: Event) -> bytes:
    if event.digests_data and event.digest is not None:
        return event.digest[:_DIGEST_BYTES]
    return hashlib.sha256(event.data).digest()[:_DIGEST_BYTES]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
