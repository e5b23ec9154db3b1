"""
The gateways that share a ledger, and which keys each has in force.

Each reports itself every few seconds, and at once when its keys have changed. Times are those of the ledger's
own clock: the machines' may differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from gateway.keyring import Key, KeyRing, Status
from gateway.ledger.worker import Row, Transaction

#: A gateway that has not reported for so long is gone: one that is stopped says so itself, one that was
#: killed can't, and one whose machine hung may come back with the keys that it had.
GONE_AFTER = 30.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A key as a gateway has it in force."""

    status: Status
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Replica:
    """
    A gateway that serves, from one start of it to its end.

    `name` is its host and process, `error` why it did not take a newer key file. `silent` is how many
    seconds ago it has last reported.
    """

    id: str
    name: str
    keys: dict[str, Loaded]
    error: str | None = None
    silent: float = 0

    @classmethod
    def of(cls, replica_id: str, name: str, ring: KeyRing, error: str | None) -> Self:
        """What a gateway reports of itself."""
        keys = {key.id: Loaded(key.status, key.fingerprint) for key in ring.keys}
        return cls(replica_id, name, keys, error)

    @property
    def primary(self) -> str:
        """The id of the key that it signs with."""
        return next(key_id for key_id, key in self.keys.items() if key.status is Status.PRIMARY)

    def verifies(self, key: Key) -> bool:
        """Whether it takes URLs that are signed with a key."""
        loaded = self.keys.get(key.id)
        return loaded is not None and loaded.status.verifies and loaded.fingerprint == key.fingerprint

    def agrees(self, ring: KeyRing) -> bool:
        """Whether this ring is the one that it has in force."""
        return self.keys == {key.id: Loaded(key.status, key.fingerprint) for key in ring.keys}


def report(replica: Replica) -> Callable[[Transaction], list[Replica]]:
    """The operation by which a gateway reports itself. Its result is that of `live`, then."""

    def operation(tx: Transaction) -> list[Replica]:
        keys = {
            key_id: {"status": key.status, "fingerprint": key.fingerprint}
            for key_id, key in replica.keys.items()
        }
        now = _now(tx)
        tx.run(
            "INSERT INTO replicas (id, name, keys, error, seen_at) "
            "VALUES (:id, :name, :keys, :error, :now) ON CONFLICT (id) DO UPDATE "
            "SET keys = :keys, error = :error, seen_at = :now",
            {
                "id": replica.id,
                "name": replica.name,
                "keys": json.dumps(keys),
                "error": replica.error,
                "now": now,
            },
        )
        tx.run("DELETE FROM replicas WHERE seen_at < :gone", {"gone": now - int(GONE_AFTER * 1000)})
        return live(tx)

    return operation


def leave(replica_id: str) -> Callable[[Transaction], None]:
    """The operation by which a gateway says that it serves no more."""

    def operation(tx: Transaction) -> None:
        tx.run("DELETE FROM replicas WHERE id = :id", {"id": replica_id})

    return operation


def forget(tx: Transaction) -> None:
    """The operation by which a gateway that owns its ledger forgets those that had it before."""
    tx.run("DELETE FROM replicas", {})


def live(tx: Transaction) -> list[Replica]:
    """The query for the gateways that serve, by their names."""
    now = _now(tx)
    rows = tx.all(
        "SELECT * FROM replicas WHERE seen_at >= :gone ORDER BY name, id",
        {"gone": now - int(GONE_AFTER * 1000)},
    )
    return [_replica(row, now) for row in rows]


def _replica(row: Row, now: int) -> Replica:
    keys = {
        key_id: Loaded(Status(key["status"]), key["fingerprint"])
        for key_id, key in json.loads(row["keys"]).items()
    }
    silent = max(now - row["seen_at"], 0) / 1000
    return Replica(row["id"], row["name"], keys, row["error"], silent)


def _now(tx: Transaction) -> int:
    """The ledger's clock, in milliseconds; SQLite's shows whole seconds."""
    row = tx.one("SELECT CAST(CURRENT_TIMESTAMP AS TEXT) AS now", {})
    assert row is not None
    moment = datetime.fromisoformat(row["now"])
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
