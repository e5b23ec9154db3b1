"""
Looking for deliveries, and doing one again.

A client sees the deliveries of its own callbacks, and of the sources that it may use those that belong to
no other client's callback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from gateway import ids
from gateway.errors import NotFound
from gateway.ledger import Ledger
from gateway.ledger.records import Callback
from gateway.ledger.worker import Operation, Result, Transaction

#: Deliveries that one query looks at: a search for something rare must not hold up the ledger's readers.
_WINDOW = 5000
_COLUMNS = (
    "d.id, d.source, d.callback_id, d.received_at, d.method, d.size, d.secret, d.outcome, d.reason, "
    "d.replay_of, d.headers, d.body IS NOT NULL AS kept"
)
_EVENTS = "SELECT 1 FROM events e WHERE e.delivery_id = d.id"
_OWNERS = "events e JOIN callbacks c ON c.id = e.callback_id WHERE e.delivery_id = d.id"
_OWN = (
    "(EXISTS (SELECT 1 FROM callbacks c WHERE c.id = d.callback_id AND c.client = :client) "
    f"OR EXISTS (SELECT 1 FROM {_OWNERS} AND c.client = :client))"
)
_ANOTHERS = (
    "(EXISTS (SELECT 1 FROM callbacks c WHERE c.id = d.callback_id AND c.client NOT IN (:client, '')) "
    f"OR EXISTS (SELECT 1 FROM {_OWNERS} AND c.client NOT IN (:client, '')))"
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A client, with the names of the sources that it may use."""

    client: str
    sources: Sequence[str]
    #: Sees every delivery, and all of its events.
    ops: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """What `condition` refers to."""
        return {"client": self.client} | {f"may{n}": name for n, name in enumerate(self.sources)}

    @property
    def condition(self) -> str:
        """The SQL condition on a delivery `d` for what this client sees."""
        if self.ops:
            return "1 = 1"
        may = ", ".join(["''", *(f":may{n}" for n in range(len(self.sources)))])
        return f"({_OWN} OR d.source IN ({may}) AND NOT {_ANOTHERS})"


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None is anything. `since` is in seconds, `before` the id that the page is below."""

    source: str | None = None
    callback: str | None = None
    outcome: str | None = None
    event_id: str | None = None
    since: float | None = None
    before: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """
    Deliveries as rows, newest first, each with its events, and the id to go on from; None at the end.

    A search that found little may have looked at a part only: it goes on all the same.
    """

    rows: list[dict[str, Any]]
    next: str | None


def search(viewer: Viewer, wanted: Search, limit: int) -> Callable[[Transaction], Found]:
    """The query for a client's deliveries, newest first."""

    def operation(tx: Transaction) -> Found:
        parameters: dict[str, Any] = viewer.parameters | {
            "before": wanted.before or ids.last_id("dl"),
            "low": ids.first_id("dl", wanted.since or 0),
            "limit": limit + 1,
            "window": _WINDOW,
        }
        conditions = ["d.id < :before", "d.id >= :low", viewer.condition]
        for name, condition in (
            ("source", "d.source = :source"),
            ("outcome", f"(d.outcome = :outcome OR EXISTS ({_EVENTS} AND e.outcome = :outcome))"),
            ("event_id", f"EXISTS ({_EVENTS} AND e.event_id = :event_id)"),
            (
                "callback",
                "d.id IN (SELECT delivery_id FROM events WHERE callback_id = :callback "
                "UNION SELECT id FROM deliveries WHERE callback_id = :callback AND eventless = true)",
            ),
        ):
            if (value := getattr(wanted, name)) is not None:
                conditions.append(condition)
                parameters[name] = value
        beyond = None
        if wanted.callback is None and (low := _window(tx, parameters)) is not None:
            # What a callback has is found by an index; anything else by looking at one after the other.
            parameters["low"] = beyond = low
        rows = tx.all(
            f"SELECT {_COLUMNS} FROM deliveries d WHERE {' AND '.join(conditions)} "
            "ORDER BY d.id DESC LIMIT :limit",
            parameters,
        )
        found = [dict(row) for row in rows[:limit]]
        _add_events(tx, viewer, found)
        return Found(found, found[-1]["id"] if len(rows) > limit else beyond)

    return operation


def _window(tx: Transaction, parameters: dict[str, Any]) -> str | None:
    """The id of the last delivery that is looked at, where there are older ones."""
    row = tx.one(
        "SELECT id FROM deliveries WHERE id < :before AND id >= :low ORDER BY id DESC LIMIT 1 OFFSET :window",
        {name: parameters[name] for name in ("before", "low", "window")},
    )
    return str(row["id"]) if row else None


def get(viewer: Viewer, delivery_id: str) -> Callable[[Transaction], dict[str, Any]]:
    """The query for one delivery with its events and its replays; `NotFound` for one that is not seen."""

    def operation(tx: Transaction) -> dict[str, Any]:
        found = dict(_seen(tx, viewer, delivery_id, f"{_COLUMNS}, {_ANOTHERS} AS shared"))
        _add_events(tx, viewer, [found])
        replays = tx.all(
            "SELECT id, received_at, outcome, reason FROM deliveries WHERE replay_of = :id "
            "ORDER BY id DESC LIMIT 50",
            {"id": delivery_id},
        )
        found["replays"] = [dict(row) for row in reversed(replays)]
        _add_events(tx, viewer, found["replays"])
        return found

    return operation


def body(viewer: Viewer, delivery_id: str) -> Callable[[Transaction], bytes | None]:
    """The query for a delivery's body; None where it is not kept."""

    def operation(tx: Transaction) -> bytes | None:
        kept = _seen(tx, viewer, delivery_id, "d.body")["body"]
        return None if kept is None else bytes(kept)

    return operation


@dataclass(frozen=True, slots=True)
class Stored:
    """
    A delivery as it is kept, to be done again; times in seconds. `first` is the id of the delivery whose
    bytes these are. `callback` is the one whose URL it came to, None where its row is gone or it came to an
    account's.
    """

    first: str
    source: str
    callback_id: str | None
    callback: Callback | None
    received_at: float
    method: str
    query: str
    headers: str
    body: bytes | None
    size: int | None
    secret: str


def stored(viewer: Viewer, delivery_id: str) -> Callable[[Transaction], Stored]:
    """The query for all that is kept of a delivery; `NotFound` for one that is not seen."""

    def operation(tx: Transaction) -> Stored:
        row = _seen(tx, viewer, delivery_id, "d.*")
        callback = None
        if row["callback_id"] is not None:
            found = tx.one("SELECT * FROM callbacks WHERE id = :id", {"id": row["callback_id"]})
            callback = Callback.from_row(found) if found else None
        return Stored(
            first=row["replay_of"] or row["id"],
            source=row["source"],
            callback_id=row["callback_id"],
            callback=callback,
            received_at=row["received_at"] / 1000,
            method=row["method"],
            query=row["query"],
            headers=row["headers"],
            body=None if row["body"] is None else bytes(row["body"]),
            size=row["size"],
            secret=row["secret"],
        )

    return operation


def others(client: str, callback_ids: Sequence[str]) -> Callable[[Transaction], set[str]]:
    """The query for which of some callbacks are other clients'."""

    def operation(tx: Transaction) -> set[str]:
        found = set()
        for callback_id in callback_ids:
            row = tx.one("SELECT client FROM callbacks WHERE id = :id", {"id": callback_id})
            if row is not None and row["client"] not in (client, ""):
                found.add(callback_id)
        return found

    return operation


class _Undone(Exception):
    """Carries a result out of an operation of which nothing is to be kept."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


async def rehearse(ledger: Ledger, operation: Operation[Result]) -> Result:
    """The result that an operation would have, in the same transaction as ever, of which nothing is kept."""

    def undone(tx: Transaction) -> NoReturn:
        raise _Undone(operation(tx))

    try:
        await ledger.write(undone)
    except _Undone as done:
        result: Result = done.result
        return result


def _seen(tx: Transaction, viewer: Viewer, delivery_id: str, columns: str) -> Any:
    row = tx.one(
        f"SELECT {columns} FROM deliveries d WHERE d.id = :id AND {viewer.condition}",
        viewer.parameters | {"id": delivery_id},
    )
    if row is None:
        raise NotFound("there is no delivery with this id, or it is another client's")
    return row


def _add_events(tx: Transaction, viewer: Viewer, rows: list[dict[str, Any]]) -> None:
    """Give deliveries their events, without those for other clients' callbacks."""
    for row in rows:
        events = tx.all(
            "SELECT e.delivery_id, e.event_id, e.type, e.callback_id, e.outcome, e.conflict, e.contradicts, "
            "e.sequence, e.attempts, e.error FROM events e LEFT JOIN callbacks c ON c.id = e.callback_id "
            "WHERE e.delivery_id = :id AND (:ops = 1 OR c.id IS NULL OR c.client IN (:client, '')) "
            "ORDER BY e.id",
            {"id": row["id"], "client": viewer.client, "ops": int(viewer.ops)},
        )
        row["events"] = [dict(event) for event in events]
