"""How much stands in the ledger: what metrics show of it, read from indexes that hold nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.ledger.worker import Transaction


@dataclass(frozen=True, slots=True)
class Standing:
    """
    Open callbacks by source and key, those of them that nobody waits for, events that are owed and that are
    dead. `oldest_pending` is the receipt of the oldest that is owed, in seconds since the epoch.
    """

    open: dict[tuple[str, str], int] = field(default_factory=dict)
    orphaned: int = 0
    pending: int = 0
    dead: int = 0
    oldest_pending: float | None = None


def look() -> Callable[[Transaction], Standing]:
    """The query for it."""

    def operation(tx: Transaction) -> Standing:
        groups = tx.all(
            "SELECT source, key_id, orphaned, count(*) AS number FROM callbacks WHERE state = 'open' "
            "GROUP BY key_id, source, orphaned",
            {},
        )
        by_key: Counter[tuple[str, str]] = Counter()
        for row in groups:
            by_key[row["source"], row["key_id"]] += int(row["number"])
        owed = tx.one(
            "SELECT count(*) AS number, min(d.received_at) AS oldest FROM events e "
            "LEFT JOIN deliveries d ON d.id = e.delivery_id WHERE e.outcome = 'pending'",
            {},
        )
        assert owed is not None  # an aggregate is a row
        return Standing(
            open=dict(by_key),
            orphaned=sum(int(row["number"]) for row in groups if row["orphaned"]),
            pending=int(owed["number"]),
            dead=_number(tx, "SELECT count(*) AS n FROM events WHERE outcome = 'dead'"),
            oldest_pending=None if owed["oldest"] is None else owed["oldest"] / 1000,
        )

    return operation


def _number(tx: Transaction, sql: str) -> int:
    row = tx.one(sql, {})
    return int(row["n"]) if row else 0
