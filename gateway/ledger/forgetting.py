"""
Removing one callback's data for good: what came for it, and what its client said of it.

What stays is what a repeat is known by, so that it takes no effect again: the callback's id, client,
source, state, times, key and reference, its idempotency key; of each event the id, type, outcome and the
digests; of each delivery the id, time and outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway import targets
from gateway.errors import Conflict
from gateway.ledger import Ledger
from gateway.ledger.disposing import BODIES
from gateway.ledger.file import cut_log
from gateway.ledger.issuing import owned
from gateway.ledger.records import Callback
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.worker import Transaction
from gateway.outcome import State
from gateway.targets import Handler, Target, WorkflowPromise

#: In place of a key that may be somebody's name.
_FORGOTTEN = "forgotten"

#: The deliveries with something of the callback in them: to its URL, with an event for it, their replays.
_ITS_DELIVERIES = (
    "SELECT id FROM deliveries WHERE callback_id = :id AND eventless = true "
    "UNION SELECT delivery_id FROM events WHERE callback_id = :id"
)
_DELIVERIES = (
    f"{_ITS_DELIVERIES} UNION SELECT r.id FROM deliveries r WHERE r.replay_of IN ({_ITS_DELIVERIES}) "
)
#: In them, the events that speak of it; one that was unmatched before an alias named it is there twice.
_EVENTS = (
    f"e.delivery_id IN ({_DELIVERIES}) AND (COALESCE(e.callback_id, '') = :id OR e.callback_id IS NULL "
    "AND e.event_id IN (SELECT o.event_id FROM events o WHERE o.callback_id = :id "
    "AND o.delivery_id = e.delivery_id))"
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many deliveries and events lost their data."""

    deliveries: int
    events: int


def forget(callback_id: str, client: str | None, now: float) -> Callable[[Transaction], Forgotten]:
    """
    The operation that removes a callback's data. Doing it again does no harm.

    Raises `NotFound`, and `Conflict` where the data is still needed: what has to be done first.
    """

    def operation(tx: Transaction) -> Forgotten:
        tx.lock(BODIES)  # an alias makes use of them
        callback = Callback.from_row(owned(tx, callback_id, client))
        of_it = {"id": callback_id}
        _refuse_if_needed(tx, callback, now)
        tx.run(f"DELETE FROM parked WHERE event IN (SELECT e.id FROM events e WHERE {_EVENTS})", of_it)
        events = tx.run(f"UPDATE events AS e SET data = NULL, reason = NULL WHERE {_EVENTS}", of_it)
        deliveries = tx.run(
            f"UPDATE deliveries SET body = NULL, headers = '[]', query = '' WHERE id IN ({_DELIVERIES})",
            of_it,
        )
        tx.run("DELETE FROM aliases WHERE callback_id = :id", of_it)
        tx.run(
            "UPDATE callbacks SET label = '', identity = NULL, metadata = NULL, approval = NULL, "
            "target = :target, state = :state WHERE id = :id",
            {**of_it, "target": targets.dump(_nobody(callback.target)), "state": callback.state_at(now)},
        )
        return Forgotten(deliveries, events)

    return operation


async def overwrite(ledger: Ledger, within: float = 5) -> bool:
    """
    See to it that what was deleted stands in none of the ledger's files; whether that is so now.

    SQLite overwrites what it deletes (`secure_delete`); its log has to be emptied, which a backup that is
    being taken holds up. PostgreSQL keeps old versions of rows until its next VACUUM: False.
    """
    return isinstance(ledger, SqliteLedger) and await cut_log(ledger.path, within)


def _refuse_if_needed(tx: Transaction, callback: Callback, now: float) -> None:
    if callback.state_at(now) is State.OPEN:
        raise Conflict(
            "the callback is open: what comes for it would take effect. Close it (POST …/close) or revoke it "
            "(DELETE /v1/callbacks/{id}) first"
        )
    of_it = {"id": callback.id}
    if tx.one(
        f"SELECT 1 FROM events WHERE outcome = 'pending' AND delivery_id IN ({_DELIVERIES}) LIMIT 1", of_it
    ):
        raise Conflict(
            "Restate has not taken what came for the callback, or what came with it: its data is still "
            "needed. Wait until GET /v1/callbacks/{id} shows no pending event"
        )
    if tx.one(
        f"SELECT 1 FROM parked p JOIN events e ON e.id = p.event WHERE e.delivery_id IN ({_DELIVERIES}) "
        f"AND NOT ({_EVENTS}) LIMIT 1",
        of_it,
    ):
        raise Conflict(
            "a delivery of the callback brought another event too, which still waits for an alias: "
            "wait until ledger.keep_unmatched is over"
        )


def _nobody(target: Target) -> Target:
    """The target without the key that its client chose; an awakeable's id is Restate's own."""
    match target:
        case WorkflowPromise():
            return replace(target, key=_FORGOTTEN)
        case Handler(key=str()):
            return replace(target, key=_FORGOTTEN)
        case _:
            return target
