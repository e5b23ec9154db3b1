"""
What the ledger forgets, and when. What is still owed to Restate is never touched.

Bodies go first, rows once no provider repeats any more: until then a row is what knows a repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import TryLater
from gateway.ledger import Ledger
from gateway.ledger.worker import Transaction
from gateway.log import logger
from gateway.settings import Ledger as Retention

#: Rows in one commit: deliveries in flight share it and must not wait for it.
_BATCH = 500
_SWEEP_EVERY = 60.0
_EVENTS = "SELECT 1 FROM events e WHERE e.delivery_id = d.id"


@dataclass(frozen=True, slots=True)
class Swept:
    """How many callbacks had expired, and how many bodies, deliveries and callbacks were dropped."""

    expired: int
    bodies: int
    deliveries: int
    callbacks: int

    @property
    def full(self) -> bool:
        """Whether there may be more."""
        return max(self.expired, self.bodies, self.deliveries, self.callbacks) >= _BATCH


def sweep(keep: Retention, now: float) -> Callable[[Transaction], Swept]:
    """The operation that drops a batch of what is older than `keep` says; `now` is in seconds."""

    def operation(tx: Transaction) -> Swept:
        limits = {
            "now": int(now),
            "bodies": _ms(now - keep.keep_bodies.total_seconds()),
            "unmatched": _ms(now - keep.keep_unmatched.total_seconds()),
            "rows": _ms(now - keep.keep_rows.total_seconds()),
            "rows_seconds": int(now - keep.keep_rows.total_seconds()),
            "batch": _BATCH,
        }
        expired = tx.run(
            "UPDATE callbacks SET state = 'expired', state_at = :now * 1000 WHERE id IN (SELECT id FROM "
            "callbacks WHERE state = 'open' AND expires_at < :now LIMIT :batch)",
            limits,
        )
        emptied = tx.all(
            "UPDATE deliveries SET body = NULL WHERE id IN (SELECT d.id FROM deliveries d WHERE "
            "d.body IS NOT NULL AND (d.received_at < :bodies OR d.received_at < :unmatched "
            f"AND NOT EXISTS ({_EVENTS} AND e.outcome != 'unmatched')) "
            f"AND NOT EXISTS ({_EVENTS} AND e.outcome = 'pending') ORDER BY d.received_at LIMIT :batch) "
            "RETURNING id",
            limits,
        )
        for row in emptied:
            tx.run("UPDATE events SET data = NULL WHERE delivery_id = :id", {"id": row["id"]})
            tx.run(
                "DELETE FROM parked WHERE event IN (SELECT id FROM events WHERE delivery_id = :id)",
                {"id": row["id"]},
            )
        old = tx.all(
            "DELETE FROM deliveries WHERE id IN (SELECT d.id FROM deliveries d WHERE d.received_at < :rows "
            f"AND NOT EXISTS ({_EVENTS} AND e.outcome = 'pending') ORDER BY d.received_at LIMIT :batch) "
            "RETURNING id",
            limits,
        )
        for row in old:
            tx.run("DELETE FROM events WHERE delivery_id = :id", {"id": row["id"]})
        over = tx.all(
            "DELETE FROM callbacks WHERE id IN (SELECT c.id FROM callbacks c WHERE c.state != 'open' AND "
            "c.expires_at < :rows_seconds AND NOT EXISTS (SELECT 1 FROM events e WHERE e.callback_id = c.id) "
            "LIMIT :batch) RETURNING id",
            limits,
        )
        for row in over:
            tx.run("DELETE FROM aliases WHERE callback_id = :id", {"id": row["id"]})
        return Swept(expired, len(emptied), len(old), len(over))

    return operation


async def keep_sweeping(ledger: Ledger, keep: Retention, clock: Callable[[], float]) -> None:
    """Sweep once a minute, and again at once while there is more, until cancelled."""
    while True:
        try:
            swept = await ledger.write(sweep(keep, clock()), within=30)
        except TryLater as error:
            logger.warning("ledger is away", error=error.detail)
        else:
            if swept.full:
                # Deliveries come between the batches.
                await asyncio.sleep(0.1)
                continue
        await asyncio.sleep(_SWEEP_EVERY)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
