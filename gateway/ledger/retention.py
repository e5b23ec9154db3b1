"""
What the ledger forgets, and when. What is still owed to Restate is never touched.

Bodies go first, rows once no provider repeats any more: until then a row is what knows a repeat. What
is due is looked for beside the writer, however long that takes; the writer only drops a few rows by
their ids, so that no delivery waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from gateway import ids
from gateway.errors import TryLater
from gateway.ledger import Ledger
from gateway.ledger.disposing import BODIES as BODIES_HELD
from gateway.ledger.file import cut_log, give_back
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.worker import Transaction
from gateway.log import logger
from gateway.settings import Ledger as Retention

#: Rows, and bytes of bodies, that one commit drops: deliveries in flight share it. A few milliseconds.
_BATCH, _BATCH_BYTES = 50, 1 << 19
_SWEEP_EVERY = 60.0
#: Between two batches the writer is left to deliveries for this many times as long as a batch took.
_REST = 3.0
#: How long one batch, or one look for what is due, may wait for its turn.
_PATIENCE = 30.0

_OWED = "SELECT 1 FROM events e WHERE e.delivery_id = d.id AND e.outcome = 'pending'"
_PARKED = "SELECT 1 FROM events e JOIN parked p ON p.event = e.id WHERE e.delivery_id = d.id"
_EMPTY = "UPDATE deliveries AS d SET body = NULL, headers = '[]', query = '' WHERE d.id = :id"

#: What is due, oldest first; :limit rows.
EXPIRED = (
    "SELECT id, 0 AS size FROM callbacks WHERE state = 'open' AND expires_at < :now "
    "ORDER BY expires_at LIMIT :limit"
)
UNCLAIMED = (
    "SELECT DISTINCT p.event AS id, e.delivery_id, LENGTH(d.body) AS size, p.since FROM parked p "
    "LEFT JOIN events e ON e.id = p.event LEFT JOIN deliveries d ON d.id = e.delivery_id "
    "WHERE p.since < :unmatched ORDER BY p.since LIMIT :limit"
)
BODIES = (
    "SELECT d.id, LENGTH(d.body) AS size FROM deliveries d WHERE d.body IS NOT NULL "
    f"AND d.received_at < :bodies AND NOT EXISTS ({_OWED}) AND NOT EXISTS ({_PARKED}) "
    "ORDER BY d.received_at LIMIT :limit"
)
DELIVERIES = (
    "SELECT d.id, LENGTH(d.body) AS size FROM deliveries d WHERE d.id < :rows_id "
    f"AND NOT EXISTS ({_OWED}) ORDER BY d.id LIMIT :limit"
)
CALLBACKS = (
    "SELECT c.id, 0 AS size FROM callbacks c WHERE c.expires_at < :rows_seconds AND c.state != 'open' "
    "AND NOT EXISTS (SELECT 1 FROM events e WHERE e.callback_id = c.id) ORDER BY c.expires_at LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many callbacks had expired, and how many unclaimed events, bodies and rows were dropped."""

    expired: int = 0
    unclaimed: int = 0
    bodies: int = 0
    deliveries: int = 0
    callbacks: int = 0

    @property
    def any(self) -> bool:
        """Whether there was something, so that there may be more."""
        return any(astuple(self))


async def sweep(ledger: Ledger, keep: Retention, now: float) -> Swept:
    """Drop a batch of what is older than `keep` says; `now` is in seconds. Raises `TryLater`."""
    limits: dict[str, Any] = {
        "now": int(now),
        "unmatched": _ms(now - keep.keep_unmatched.total_seconds()),
        "bodies": _ms(now - keep.keep_bodies.total_seconds()),
        # A delivery gets its id when it is received.
        "rows_id": ids.first_id("dl", max(now - keep.keep_rows.total_seconds(), 0)),
        "rows_seconds": int(now - keep.keep_rows.total_seconds()),
    }
    done = []
    for due, drop in (
        (EXPIRED, _expire),
        (UNCLAIMED, _unpark),
        (BODIES, _empty),
        (DELIVERIES, _drop_delivery),
        (CALLBACKS, _drop_callback),
    ):
        found = await ledger.read(_due(due, limits), _PATIENCE)
        dropped = 0
        if found:
            start = time.monotonic()
            dropped = await ledger.write(_each(drop, found, limits), _PATIENCE)
            await asyncio.sleep(_REST * (time.monotonic() - start))
        done.append(dropped)
    return Swept(*done)


async def shrink(ledger: Ledger) -> None:
    """Give back the room that a file no longer needs, and cut its log. PostgreSQL sees to that itself."""
    if isinstance(ledger, SqliteLedger):
        more = True
        while more:
            more = await ledger.write(give_back(), _PATIENCE)
            await asyncio.sleep(0.01)  # deliveries come in between
        await cut_log(ledger.path, within=5)


async def keep_sweeping(ledger: Ledger, keep: Retention, clock: Callable[[], float]) -> None:
    """Sweep once a minute, each time until nothing is due, until cancelled."""
    while True:
        try:
            total = Swept()
            while (swept := await sweep(ledger, keep, clock())).any:
                total = Swept(*(a + b for a, b in zip(astuple(total), astuple(swept), strict=True)))
            await shrink(ledger)
            if total.any:
                logger.info(
                    "swept",
                    expired=total.expired,
                    unclaimed=total.unclaimed,
                    bodies=total.bodies,
                    deliveries=total.deliveries,
                    callbacks=total.callbacks,
                )
        except TryLater as error:
            logger.warning("ledger is away", error=error.detail)
        except Exception as error:
            # A fault of ours: a ledger that is not swept grows for ever. Its text may hold anything.
            logger.error("the sweep failed", error=type(error).__name__)
        await asyncio.sleep(_SWEEP_EVERY)


Drop = Callable[[Transaction, dict[str, Any]], int]


def _due(query: str, limits: dict[str, Any]) -> Callable[[Transaction], list[dict[str, Any]]]:
    """The query for a batch of what is due: at most so many rows with so many bytes of bodies."""

    def operation(tx: Transaction) -> list[dict[str, Any]]:
        batch: list[dict[str, Any]] = []
        size = 0
        for row in tx.all(query, limits | {"limit": _BATCH}):
            size += row["size"] or 0
            if batch and size > _BATCH_BYTES:
                break
            batch.append(dict(row))
        return batch

    return operation


def _each(
    drop: Drop, found: Sequence[dict[str, Any]], limits: dict[str, Any]
) -> Callable[[Transaction], int]:
    """The operation that drops each row that was found, where it still may; how many those were."""

    def operation(tx: Transaction) -> int:
        tx.lock(BODIES_HELD)
        return sum(drop(tx, limits | row) for row in found)

    return operation


def _expire(tx: Transaction, row: dict[str, Any]) -> int:
    return tx.run(
        "UPDATE callbacks SET state = 'expired', state_at = :at WHERE id = :id AND state = 'open'",
        {"id": row["id"], "at": row["now"] * 1000},
    )


def _unpark(tx: Transaction, row: dict[str, Any]) -> int:
    """Stop waiting for an alias for an event; the body goes where no other event has use for it."""
    dropped = tx.run("DELETE FROM parked WHERE event = :id", {"id": row["id"]})
    if row["delivery_id"] is not None and tx.run(
        f"{_EMPTY} AND NOT EXISTS ({_PARKED}) AND NOT EXISTS (SELECT 1 FROM events e "
        "WHERE e.delivery_id = d.id AND e.outcome NOT IN ('unmatched', 'filtered'))",
        {"id": row["delivery_id"]},
    ):
        tx.run("UPDATE events SET data = NULL WHERE delivery_id = :id", {"id": row["delivery_id"]})
    return min(dropped, 1)


def _empty(tx: Transaction, row: dict[str, Any]) -> int:
    """Drop a delivery's body, and the headers and the query that only made sense with it."""
    emptied = tx.run(f"{_EMPTY} AND NOT EXISTS ({_OWED})", {"id": row["id"]})
    if emptied:
        tx.run("UPDATE events SET data = NULL WHERE delivery_id = :id", {"id": row["id"]})
    return emptied


def _drop_delivery(tx: Transaction, row: dict[str, Any]) -> int:
    gone = tx.run(f"DELETE FROM deliveries AS d WHERE d.id = :id AND NOT EXISTS ({_OWED})", {"id": row["id"]})
    if gone:
        tx.run(
            "DELETE FROM parked WHERE event IN (SELECT id FROM events WHERE delivery_id = :id)",
            {"id": row["id"]},
        )
        tx.run("DELETE FROM events WHERE delivery_id = :id", {"id": row["id"]})
    return gone


def _drop_callback(tx: Transaction, row: dict[str, Any]) -> int:
    gone = tx.run(
        "DELETE FROM callbacks AS c WHERE c.id = :id AND c.state != 'open' "
        "AND NOT EXISTS (SELECT 1 FROM events e WHERE e.callback_id = c.id)",
        {"id": row["id"]},
    )
    if gone:
        tx.run("DELETE FROM aliases WHERE callback_id = :id", {"id": row["id"]})
    return gone


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
