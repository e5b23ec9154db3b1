"""The life of a callback apart from its completion: issued, closed, revoked, given an alias."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway import targets, tokens
from gateway.errors import Completing, Invalid, NotFound, TooManyOpen
from gateway.ledger.disposing import unpark
from gateway.ledger.records import Callback, Disposed
from gateway.ledger.worker import Row, Transaction
from gateway.outcome import State
from gateway.rules import Rules

#: Of SHA-256: two of them are never the same.
_IDENTITY_BYTES = 16
#: True for each open callback, and each client that has one named: in the index of what is open the client
#: comes first, and from one client to the next is one step in it.
OF_ANY_CLIENT = (
    "client IN (WITH RECURSIVE clients(name) AS (SELECT min(client) FROM callbacks WHERE state = 'open' "
    "UNION ALL SELECT (SELECT min(client) FROM callbacks WHERE state = 'open' AND client > name) "
    "FROM clients WHERE name IS NOT NULL) SELECT name FROM clients WHERE name IS NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Issued:
    """The callback that a request to issue got; `again`: the same request had it before."""

    callback: Callback
    again: bool
    superseded: tuple[str, ...] = ()


def issue(
    callback: Callback, idempotency_key: str | None, request_digest: bytes, max_open: int | None = None
) -> Callable[[Transaction], Issued]:
    """
    The operation that issues a callback.

    The same idempotency key of the same client gives the callback that it gave before; with another
    request it is `Invalid`. An older open callback for the same client, source, target and label is
    revoked: a workflow key that is used again has the same awakeable ids. Where the client has `max_open`
    others that are open it is `TooManyOpen`, on whichever replica they were issued; one that has expired
    counts until the sweep has come round.

    Raises `Invalid` for a callback whose token would be too long, before anything is written.
    """
    tokens.check(callback.claims)

    identity = _identity(callback)

    def operation(tx: Transaction) -> Issued:
        # Replicas issue for one identity one after the other, and for one client where its number counts:
        # each sees what the other has committed.
        tx.lock(
            f"identity {identity.hex()}",
            *([] if max_open is None else [f"open callbacks of {callback.client}"]),
        )
        if idempotency_key is not None:
            row = tx.one(
                "SELECT * FROM callbacks WHERE client = :client AND idempotency_key = :key",
                {"client": callback.client, "key": idempotency_key},
            )
            if row is not None:
                if row["request_digest"] != request_digest:
                    raise Invalid(
                        "Idempotency-Key: this key was used before with another request; use a new one"
                    )
                return Issued(Callback.from_row(row), again=True)
        row = callback.to_row() | {
            "identity": identity,
            "idempotency_key": idempotency_key,
            "request_digest": request_digest,
        }
        superseded = _supersede(tx, row)
        if max_open is not None:
            _check_room(tx, callback.client, max_open)
        tx.insert("callbacks", row)
        return Issued(callback, again=False, superseded=superseded)

    return operation


def _identity(callback: Callback) -> bytes:
    """What only one open callback has: that of the last one issued for its client, source, target, label."""
    named = [callback.client, callback.source, targets.dump(callback.target), callback.label]
    return hashlib.sha256(json.dumps(named).encode()).digest()[:_IDENTITY_BYTES]


def _supersede(tx: Transaction, row: dict[str, Any]) -> tuple[str, ...]:
    """Take its identity from the callback that has it, and revoke it where it is open; which one that was."""
    last = tx.one(
        "SELECT id FROM callbacks WHERE identity = :identity FOR UPDATE", {"identity": row["identity"]}
    )
    if last is None:
        return ()
    tx.run("UPDATE callbacks SET identity = NULL WHERE id = :id", {"id": last["id"]})
    revoked = tx.run(
        "UPDATE callbacks SET state = 'revoked', state_at = :now WHERE id = :id AND state = 'open'",
        {"id": last["id"], "now": row["created_at"]},
    )
    return (last["id"],) if revoked else ()


def _check_room(tx: Transaction, client: str, max_open: int) -> None:
    # No further than the bound, and from the index of what is open alone: its second column, which every
    # row has, tells SQLite to prefer that one to the index of all states.
    full = tx.one(
        "SELECT 1 FROM callbacks WHERE client = :client AND key_id >= '' AND state = 'open' "
        "LIMIT 1 OFFSET :last",
        {"client": client, "last": max_open - 1},
    )
    if full is not None:
        raise TooManyOpen(
            f"clients.{client}.max_open: the client has {max_open} open callbacks already; one of them has "
            "to be completed, closed or expire first"
        )


def issued_before(client: str, idempotency_key: str) -> Callable[[Transaction], bool]:
    """The query for whether a request with this key would be a repeat."""

    def operation(tx: Transaction) -> bool:
        parameters = {"client": client, "key": idempotency_key}
        found = tx.one(
            "SELECT 1 FROM callbacks WHERE client = :client AND idempotency_key = :key", parameters
        )
        return found is not None

    return operation


def sign_again(callback: Callback, key_id: str) -> Callable[[Transaction], Callback]:
    """The operation that gives a callback whose URL nobody has seen yet another key."""

    def operation(tx: Transaction) -> Callback:
        tx.run(
            "UPDATE callbacks SET key_id = :new WHERE id = :id AND key_id = :old",
            {"id": callback.id, "old": callback.key_id, "new": key_id},
        )
        return Callback.from_row(owned(tx, callback.id, None))

    return operation


def owned(tx: Transaction, callback_id: str, client: str | None) -> Row:
    """A callback's row; another client's does not exist for this one. `client` None is ops."""
    row = tx.one("SELECT * FROM callbacks WHERE id = :id", {"id": callback_id})
    if row is None or (client is not None and row["client"] not in (client, "")):
        raise NotFound("there is no callback with this id, or it is another client's")
    return row


def close(callback_id: str, client: str | None, now: float) -> Callable[[Transaction], State]:
    """
    The operation by which a service says that it no longer waits; its result is the state then.

    Closing is a claim like completing: `Completing` where an event has won, and then its value is on its
    way.
    """

    def operation(tx: Transaction) -> State:
        owned(tx, callback_id, client)
        # Held, so that what is looked for next is looked for once whoever is at it has committed.
        tx.one("SELECT id FROM callbacks WHERE id = :id FOR UPDATE", {"id": callback_id})
        # An event that Restate refuses for good has won nothing: waiting for its value would not end.
        if tx.run(
            "UPDATE callbacks SET state = 'closed', state_at = :now WHERE id = :id AND (state = 'open' OR "
            "state IN ('completed', 'failed') AND NOT EXISTS (SELECT 1 FROM events WHERE callback_id = :id "
            "AND verdict != 'progress' AND outcome IN ('pending', 'completed')))",
            {"id": callback_id, "now": int(now * 1000)},
        ):
            return State.CLOSED
        state = State(owned(tx, callback_id, client)["state"])
        if state in (State.COMPLETED, State.FAILED):
            raise Completing("an event has already won this callback; go on waiting for its value")
        return state

    return operation


def revoke(callback_id: str, client: str | None, now: float) -> Callable[[Transaction], State]:
    """The operation by which ops ends a callback; its result is the state then."""

    def operation(tx: Transaction) -> State:
        owned(tx, callback_id, client)
        tx.run(
            "UPDATE callbacks SET state = 'revoked', state_at = :now WHERE id = :id AND state = 'open'",
            {"id": callback_id, "now": int(now * 1000)},
        )
        return State(owned(tx, callback_id, client)["state"])

    return operation


def alias(
    callback_id: str, client: str | None, text: str, now: float, rules: Callable[[str], Rules]
) -> Callable[[Transaction], list[Disposed]]:
    """
    The operation by which a provider's object belongs to a callback from now on.

    Its result is what became of the events that had come for the object before. `rules` gives those of a
    source.
    """

    def operation(tx: Transaction) -> list[Disposed]:
        callback = Callback.from_row(owned(tx, callback_id, client))
        new = tx.run(
            "INSERT INTO aliases (source, alias, callback_id, created_at) "
            "VALUES (:source, :alias, :id, :now) ON CONFLICT DO NOTHING",
            {"source": callback.source, "alias": text, "id": callback_id, "now": int(now * 1000)},
        )
        return unpark(tx, callback, text, rules(callback.source), now) if new else []

    return operation


def get(
    callback_id: str, client: str | None
) -> Callable[[Transaction], tuple[Callback, list[dict[str, Any]]]]:
    """The query for a callback and the events that came for it, oldest first."""

    def operation(tx: Transaction) -> tuple[Callback, list[dict[str, Any]]]:
        callback = Callback.from_row(owned(tx, callback_id, client))
        rows = tx.all(
            "SELECT e.delivery_id, e.event_id, e.type, e.outcome, e.conflict, e.contradicts, e.sequence, "
            "e.attempts, e.error, d.received_at FROM events e JOIN deliveries d ON d.id = e.delivery_id "
            "WHERE e.callback_id = :id ORDER BY e.id LIMIT 1000",
            {"id": callback_id},
        )
        return callback, [dict(row) for row in rows]

    return operation


def find(callback_id: str) -> Callable[[Transaction], Callback | None]:
    """The query for a callback by its id, whoever's it is: for a page that its token has opened."""

    def operation(tx: Transaction) -> Callback | None:
        row = tx.one("SELECT * FROM callbacks WHERE id = :id", {"id": callback_id})
        return Callback.from_row(row) if row else None

    return operation


def listing(
    client: str | None,
    state: State | None,
    source: str | None,
    label: str | None,
    after: str,
    limit: int,
    orphaned: bool | None = None,
) -> Callable[[Transaction], list[Callback]]:
    """The query for a client's callbacks (None: everybody's), newest first, older than the id `after`."""

    def operation(tx: Transaction) -> list[Callback]:
        rows = tx.all(
            "SELECT * FROM callbacks WHERE (CAST(:client AS TEXT) IS NULL OR client = :client) "
            "AND (CAST(:state AS TEXT) IS NULL OR state = :state) "
            "AND (CAST(:source AS TEXT) IS NULL OR source = :source) "
            "AND (CAST(:label AS TEXT) IS NULL OR label = :label) "
            "AND (CAST(:orphaned AS BOOLEAN) IS NULL OR orphaned = :orphaned) "
            "AND (:after = '' OR id < :after) ORDER BY id DESC LIMIT :limit",
            {
                "client": client,
                "state": state,
                "source": source,
                "label": label,
                "orphaned": orphaned,
                "after": after,
                "limit": limit,
            },
        )
        return [Callback.from_row(row) for row in rows]

    return operation


@dataclass(frozen=True, slots=True)
class Needs:
    """How many open callbacks of a client and source still need a key, and until when (epoch seconds)."""

    client: str
    source: str
    callbacks: int
    last_expiry: int


def needing(key_id: str, now: float) -> Callable[[Transaction], list[Needs]]:
    """The query for who still needs a signing key."""

    def operation(tx: Transaction) -> list[Needs]:
        rows = tx.all(
            "SELECT client, source, count(*) AS callbacks, max(expires_at) AS last_expiry FROM callbacks "
            f"WHERE {OF_ANY_CLIENT} AND key_id = :key_id AND state = 'open' AND expires_at >= :now "
            "GROUP BY client, source ORDER BY client, source",
            {"key_id": key_id, "now": int(now)},
        )
        return [Needs(row["client"], row["source"], row["callbacks"], row["last_expiry"]) for row in rows]

    return operation


def open_by_client(now: float) -> Callable[[Transaction], dict[str, int]]:
    """The query for how many open callbacks each client has."""

    def operation(tx: Transaction) -> dict[str, int]:
        rows = tx.all(
            "SELECT client, count(*) AS callbacks FROM callbacks WHERE state = 'open' AND expires_at >= :now "
            "GROUP BY client",
            {"now": int(now)},
        )
        return {row["client"]: row["callbacks"] for row in rows}

    return operation
