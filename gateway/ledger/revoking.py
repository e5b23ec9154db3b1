"""What becomes of open callbacks whose key has leaked: closed, or signed again with another key."""

from __future__ import annotations

from collections.abc import Callable

from gateway.keyring import Key
from gateway.ledger.issuing import OF_ANY_CLIENT
from gateway.ledger.keychanges import milliseconds
from gateway.ledger.records import Callback
from gateway.ledger.worker import Transaction

#: Callbacks that one commit changes: deliveries in flight share it.
_BATCH = 200

#: `expires_at` is the last second in which a callback is open.
_OPEN = f"{OF_ANY_CLIENT} AND key_id = :key AND state = 'open' AND expires_at >= :now"
_SOME = f"SELECT id FROM callbacks WHERE {_OPEN} ORDER BY id LIMIT {_BATCH} FOR UPDATE"


def carry_out(key: Key, now: float) -> Callable[[Transaction], tuple[int, bool]]:
    """
    The operation that does to some open callbacks what a revoked key's entry says; it does no harm again.

    Its result is how many, and whether there are more. A callback that is closed this way was revoked at
    the moment at which its key was: that is what `of` knows it by.
    """
    assert key.revoked_at is not None
    values = {
        "key": key.id,
        "now": int(now),
        "at": milliseconds(key.revoked_at),
        "successor": key.successor,
    }
    change = (
        "state = 'revoked', state_at = :at"
        if key.successor is None
        else "previous_key_id = key_id, key_id = :successor"
    )

    def operation(tx: Transaction) -> tuple[int, bool]:
        # The same again outside: while the rows are waited for, another gateway may have changed them.
        changed = tx.run(f"UPDATE callbacks SET {change} WHERE id IN ({_SOME}) AND {_OPEN}", values)
        left = tx.one(f"SELECT 1 FROM callbacks WHERE {_OPEN} LIMIT 1", values)
        return changed, left is not None

    return operation


def of(key: Key, now: float) -> Callable[[Transaction], list[Callback]]:
    """
    The query for the callbacks that a revoked key was needed for: closed with it, or signed again and open.

    Those too that no gateway has come to yet.
    """
    assert key.revoked_at is not None
    done = (
        "key_id = :key AND state = 'revoked' AND state_at = :at"
        if key.successor is None
        else "previous_key_id = :key AND state = 'open' AND expires_at >= :now"
    )
    values = {"key": key.id, "now": int(now), "at": milliseconds(key.revoked_at)}

    def operation(tx: Transaction) -> list[Callback]:
        rows = tx.all(f"SELECT * FROM callbacks WHERE ({_OPEN}) OR ({done}) ORDER BY id", values)
        return [Callback.from_row(row) for row in rows]

    return operation
