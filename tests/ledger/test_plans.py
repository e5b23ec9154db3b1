"""What is asked of the ledger is found by an index, however much there is of everything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.keyring import Key, Status
from gateway.ledger import byhand, deliveries, disposing, forgetting, issuing, owing, refusing, revoking
from gateway.ledger.deliveries import Search, Viewer
from gateway.ledger.refusing import Refused
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.sqlite_transaction import SqliteTransaction
from gateway.ledger.worker import Operation, Row, Transaction
from gateway.outcome import Outcome
from gateway.rules import Verdict
from gateway.secret import Secret
from tests.core.samples import NOW
from tests.ledger.samples import RULES, STREAM, callback, event, new_reference, proposal

_THEN = datetime.fromtimestamp(NOW, UTC)
_KEY = Key("k1", Secret(bytes(32)), Status.REVOKED, _THEN, revoked_at=_THEN)
#: Of a table that is no subquery's: its own name, or the letter that stands for it.
_SCANNED = re.compile(r"SCAN (callbacks|deliveries|events|aliases|parked|[a-z])\b(?! USING COVERING INDEX)")


class Explaining(SqliteTransaction):
    """A transaction that asks SQLite how it does each statement, and then does it."""

    def __init__(self, tx: SqliteTransaction) -> None:
        super().__init__(tx._connection)
        self.plans: dict[str, str] = {}

    def run(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """As ever."""
        self._explain(sql, parameters)
        return super().run(sql, parameters)

    def run_each(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """As ever."""
        for one in parameters:
            self._explain(sql, one)
        super().run_each(sql, parameters)

    def one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """As ever."""
        self._explain(sql, parameters)
        return super().one(sql, parameters)

    def all(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """As ever."""
        self._explain(sql, parameters)
        return super().all(sql, parameters)

    def _explain(self, sql: str, parameters: Mapping[str, Any]) -> None:
        found = super().all(f"EXPLAIN QUERY PLAN {sql}", parameters)
        self.plans[sql] = "; ".join(row[3] for row in found)


def _life() -> Iterator[Operation[Any]]:
    """All that is done to a few callbacks, their events and their deliveries."""
    first, second, stream = callback(), callback(), callback(target=STREAM)
    for one in (first, second, stream, replace(callback(), target=first.target)):
        yield issuing.issue(one, None, b"digest", 1000)
    yield issuing.alias(second.id, "shop", "pi_1", NOW, lambda _: RULES)
    forged = event("evt_2", id_covered=False)
    account = event("evt_3", references=(second.reference,), objects=("pi_1", "pi_2"))
    for to, what in ((first, event()), (stream, event("evt_4")), (second, forged), (None, account)):
        yield disposing.record(proposal(to, what), new_reference)
    yield disposing.record(replace(proposal(second, forged), replay_of="dl_1"), new_reference)
    third = callback()
    yield issuing.issue(third, None, b"digest")
    by_hand = replace(proposal(third, event("by hand")), verdict=Verdict.SUCCEEDED)
    yield byhand.complete(by_hand, third.id)
    delivery = proposal(third, event()).delivery
    refused = Refused.of(
        "dl_2", "acmepay", third.id, delivery, [], "", Outcome.UNVERIFIED, "no signature", None
    )
    yield refusing.record([refused])

    def settle(tx: Transaction) -> None:
        owed = owing.take(NOW + 60, 10)(tx)
        owing.refused(owed[0], "HTTP 404", None)(tx)
        owing.accepted(owed[1:])(tx)

    yield settle
    viewer = Viewer("shop", ["acmepay"])
    yield deliveries.search(viewer, Search(callback=third.id), 10)
    yield deliveries.get(viewer, "dl_2")
    yield issuing.get(third.id, "shop")
    yield issuing.needing("k1", NOW)
    yield revoking.carry_out(_KEY, NOW)
    yield forgetting.forget(third.id, "shop", NOW)


async def _plans(path: Path) -> dict[str, str]:
    """Each statement of that life, with SQLite's plan for it."""
    plans: dict[str, str] = {}
    with closing(SqliteLedger(path)) as ledger:
        for operation in _life():
            await ledger.write(_explained(operation, plans), within=10)
    return plans


def _explained(operation: Operation[Any], plans: dict[str, str]) -> Operation[Any]:
    def explained(tx: Transaction) -> Any:
        assert isinstance(tx, SqliteTransaction)
        explaining = Explaining(tx)
        try:
            return operation(explaining)
        finally:
            plans.update(explaining.plans)

    return explained


async def test_what_is_owed_of_a_stream_is_found_beside_what_it_has_had(path: Path) -> None:
    plans = await _plans(path)
    asked = [plan for sql, plan in plans.items() if "sequence IS NOT NULL" in sql or "o.sequence <" in sql]
    assert len(asked) == 2
    assert all("events_stream" in plan for plan in asked), asked


@pytest.mark.parametrize("table", ["callbacks", "deliveries", "events"])
async def test_no_table_is_read_as_a_whole(path: Path, table: str) -> None:
    plans = await _plans(path)
    asked = {sql: plan for sql, plan in plans.items() if re.search(rf"\b{table}\b", sql)}
    assert len(asked) > 5
    assert {sql: plan for sql, plan in asked.items() if _SCANNED.search(plan)} == {}
