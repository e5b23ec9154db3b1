"""What the ledger remembers of signing keys: every id that was ever used, and who changed what and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from gateway.keyring import Change, KeyRing
from gateway.ledger.worker import Transaction


def record(ring: KeyRing) -> Callable[[Transaction], dict[str, str]]:
    """
    The operation that remembers a ring's key ids and changes. Its result is that of `used`, then.

    An id that is there already keeps its fingerprint: a ring that has another one holds other bytes.
    """

    def operation(tx: Transaction) -> dict[str, str]:
        tx.run_each(
            "INSERT INTO key_ids (id, fingerprint) VALUES (:id, :fingerprint) ON CONFLICT DO NOTHING",
            [{"id": key.id, "fingerprint": key.fingerprint} for key in ring.keys],
        )
        tx.run_each(
            "INSERT INTO key_changes (made_at, key_id, action, made_by) "
            "VALUES (:at, :key_id, :action, :by) ON CONFLICT DO NOTHING",
            [
                {"at": milliseconds(one.at), "key_id": one.key_id, "action": one.action, "by": one.by}
                for one in ring.changes
            ],
        )
        return used(tx)

    return operation


def used(tx: Transaction) -> dict[str, str]:
    """The query for every key id that was ever used, with its fingerprint."""
    return {row["id"]: row["fingerprint"] for row in tx.all("SELECT id, fingerprint FROM key_ids", {})}


def history(tx: Transaction) -> list[Change]:
    """The query for every change of a key, oldest first."""
    rows = tx.all("SELECT * FROM key_changes ORDER BY made_at, key_id, action", {})
    return [
        Change(
            at=datetime.fromtimestamp(row["made_at"] / 1000, UTC),
            key_id=row["key_id"],
            action=row["action"],
            by=row["made_by"],
        )
        for row in rows
    ]


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, as the ledger keeps a time."""
    return round(moment.timestamp() * 1000)
