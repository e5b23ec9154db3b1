"""What is owed to Restate: taken up by the courier, settled once Restate has answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice

from gateway.ledger.disposing import IN_FLIGHT_MS
from gateway.ledger.records import Goal, Owed
from gateway.ledger.worker import Row, Transaction
from gateway.log import logger
from gateway.outcome import Outcome
from gateway.rules import Verdict

_COLUMNS = (
    f"{Goal.COLUMNS}, e.id AS row, e.event_id, e.type, e.type_verified, e.verdict, e.time, e.reason, e.json, "
    "e.media_type, e.sequence AS number, e.attempts, e.callback_id, e.data_digest, e.source AS event_source, "
    "COALESCE(e.data, d.body) AS content"
)

#: How many of them are the callback's, at the beginning.
_GOAL = Goal.COLUMNS.count(",") + 1
#: The row grows by its outcome: without a time it stays as long as it was, and its page is not split.
_ACCEPTED = (
    "UPDATE events SET outcome = :outcome, error = NULL, not_before = 0 "
    "WHERE id = :row AND outcome = 'pending'"
)


def take(now: float, limit: int) -> Callable[[Transaction], list[Owed]]:
    """
    The operation that takes up to `limit` effects, first what is due for longest, and marks them in flight.

    In a stream only the oldest that is owed is due: order holds. A row that can't be read is put aside as
    dead and holds up no other.
    """

    def operation(tx: Transaction) -> list[Owed]:
        rows = tx.all(
            f"SELECT {_COLUMNS} FROM events e LEFT JOIN callbacks c ON c.id = e.callback_id "
            "LEFT JOIN deliveries d ON d.id = e.delivery_id "
            "WHERE e.outcome = 'pending' AND e.not_before <= :now AND (e.sequence IS NULL OR NOT EXISTS ("
            "SELECT 1 FROM events o WHERE o.callback_id = e.callback_id AND o.outcome = 'pending' "
            # By the index of what is owed: by age alone SQLite would go through all that there ever was.
            "AND o.sequence < e.sequence)) ORDER BY e.not_before, e.id LIMIT :limit "
            "FOR UPDATE OF e SKIP LOCKED",
            {"now": int(now * 1000), "limit": limit},
        )
        owed = []
        for row in rows:
            try:
                owed.append(_read(row))
            except Exception as error:
                _quarantine(tx, row, error)
        postpone(owed, now + IN_FLIGHT_MS / 1000)(tx)
        return owed

    return operation


def _read(row: Row) -> Owed:
    data = bytes(row["content"])
    if not hashlib.sha256(data).digest().startswith(bytes(row["data_digest"])):
        raise ValueError  # other bytes than the provider signed
    return Owed(
        row=row["row"],
        callback=Goal.of(islice(row, _GOAL)),
        source=row["event_source"],
        event_id=row["event_id"],
        event_type=row["type"],
        type_verified=bool(row["type_verified"]),
        verdict=Verdict(row["verdict"]),
        time=row["time"],
        reason=row["reason"],
        data=data,
        json=bool(row["json"]),
        media_type=row["media_type"],
        sequence=row["number"],
        attempts=row["attempts"],
    )


def _quarantine(tx: Transaction, row: Row, error: Exception) -> None:
    """Put an effect aside whose row is damaged: it is dead, in sight, and can be replayed once mended."""
    # The error's own text may hold what the row holds.
    reason = f"the ledger's row cannot be read ({type(error).__name__})"
    tx.run(
        "UPDATE events SET outcome = 'dead', effect = false, error = :reason "
        "WHERE id = :row AND outcome = 'pending'",
        {"reason": reason, "row": row["row"]},
    )
    logger.error("dead: a damaged row", callback=row["callback_id"], row=row["row"], reason=reason)


def release() -> Callable[[Transaction], int]:
    """The operation that makes all that is owed due at once; how many effects that are."""

    def operation(tx: Transaction) -> int:
        return tx.run("UPDATE events SET not_before = 0 WHERE outcome = 'pending'", {})

    return operation


def accepted(owed: Sequence[Owed]) -> Callable[[Transaction], None]:
    """The operation that notes that Restate has taken these effects."""

    def operation(tx: Transaction) -> None:
        tx.run_each(_ACCEPTED, [{"outcome": _once_accepted(effect), "row": effect.row} for effect in owed])

    return operation


def _once_accepted(effect: Owed) -> Outcome:
    return Outcome.PROGRESS if effect.verdict is Verdict.PROGRESS else Outcome.COMPLETED


def postpone(owed: Sequence[Owed], until: float) -> Callable[[Transaction], None]:
    """The operation that leaves these effects alone until a time."""

    def operation(tx: Transaction) -> None:
        tx.run_each(
            "UPDATE events SET not_before = :until WHERE id = :row AND outcome = 'pending'",
            [{"until": int(until * 1000), "row": effect.row} for effect in owed],
        )

    return operation


def refused(effect: Owed, error: str, retry_at: float | None) -> Callable[[Transaction], None]:
    """
    The operation that notes what Restate answered; without a time to retry at the effect is dead.

    `error` is a status and our own words, never Restate's text.
    """

    def operation(tx: Transaction) -> None:
        tx.run(
            "UPDATE events SET outcome = :outcome, effect = :effect, attempts = attempts + 1, "
            "error = :error, not_before = :until WHERE id = :row AND outcome = 'pending'",
            {
                "outcome": Outcome.DEAD if retry_at is None else Outcome.PENDING,
                "effect": retry_at is not None,
                "error": error,
                "until": int((retry_at or 0) * 1000),
                "row": effect.row,
            },
        )

    return operation


def count() -> Callable[[Transaction], int]:
    """The query for how many effects are owed."""

    def operation(tx: Transaction) -> int:
        row = tx.one("SELECT count(*) AS owed FROM events WHERE outcome = 'pending'", {})
        return int(row["owed"]) if row else 0

    return operation
