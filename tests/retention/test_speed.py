"""The sweep holds nobody up: what one batch costs the writer, and which indexes it uses."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.ledger import retention
from gateway.ledger.retention import sweep
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.worker import WRITE_TIMEOUT, Operation, Result, Transaction
from tests.core.samples import NOW
from tests.ledger.samples import rows
from tests.retention.filling import DAY, KEEP, fill

#: What one operation may hold the writer for.
_HELD = 0.020


class Timed:
    """A ledger that notes the processor time that each of its operations took."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self.exclusive = True
        self.written: list[float] = []
        self.looked: list[float] = []

    async def write(
        self,
        operation: Operation[Result],
        within: float | None = WRITE_TIMEOUT,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """As the ledger's."""
        return await self._ledger.write(_timed(operation, self.written), within, late)

    async def note(self, operation: Operation[Result], within: float | None = WRITE_TIMEOUT) -> Result:
        """As the ledger's."""
        return await self._ledger.note(_timed(operation, self.written), within)

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """As the ledger's."""
        return await self._ledger.read(_timed(operation, self.looked), within)

    def size(self) -> int | None:
        """As the ledger's."""
        return self._ledger.size()

    def close(self) -> None:
        """Nothing of its own."""


def _timed(operation: Operation[Result], times: list[float]) -> Operation[Result]:
    def timed(tx: Transaction) -> Result:
        start = time.thread_time()
        try:
            return operation(tx)
        finally:
            times.append(time.thread_time() - start)

    return timed


async def test_with_100_000_rows_no_batch_holds_the_writer_for_20_ms(
    ledger: SqliteLedger, path: Path
) -> None:
    fill(path, 20_000, days=90)
    fill(path, 6_000, days=40, outcome="pending")
    fill(path, 6_000, days=3, outcome="unmatched")
    fill(path, 4_000, days=2, outcome="open")
    fill(path, 200, days=30, body=100_000)
    timed = Timed(ledger)
    start, batches = time.monotonic(), 0
    while (swept := await sweep(timed, KEEP, NOW)).any and batches < 40:
        batches += 1
        assert max(swept.bodies, swept.deliveries, swept.callbacks, swept.unclaimed, swept.expired) <= 50
    took = time.monotonic() - start
    assert batches == 40
    print(
        f"\n{batches} sweeps, {len(timed.written)} commits in {took:.1f} s: the writer was held for at most "
        f"{max(timed.written) * 1000:.1f} ms, a look took at most {max(timed.looked) * 1000:.1f} ms"
    )
    assert max(timed.written) < _HELD
    # Beside the writer; what is pending is passed over each time.
    assert max(timed.looked) < 0.5


async def test_bodies_of_a_megabyte_are_dropped_a_few_at_a_time(ledger: SqliteLedger, path: Path) -> None:
    fill(path, 12, days=30, body=1 << 20)
    timed = Timed(ledger)
    assert (await sweep(timed, KEEP, NOW)).bodies == 1
    while (await sweep(timed, KEEP, NOW)).any:
        pass
    assert max(timed.written) < _HELD
    assert await rows(
        ledger, "SELECT count(body) FROM deliveries WHERE received_at < :at", at=int((NOW - 7 * DAY) * 1000)
    ) == [(0,)]


class Explained:
    """A transaction that asks SQLite how it would run each statement, and does not run it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.plans: dict[str, list[str]] = {}

    def _explain(self, sql: str, parameters: object) -> None:
        found = self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)  # type: ignore[arg-type]
        self.plans[sql] = [row[3] for row in found]

    def run(self, sql: str, parameters: object) -> int:
        """Explain a statement; it is said to have changed a row, so that what follows from it is seen."""
        self._explain(sql, parameters)
        return 1


_DROPS = [
    (retention._expire, {"id": "cb", "now": 1}),
    (retention._unpark, {"id": 1, "delivery_id": "dl"}),
    (retention._empty, {"id": "dl"}),
    (retention._drop_delivery, {"id": "dl"}),
    (retention._drop_callback, {"id": "cb"}),
]
_LIMITS = dict.fromkeys(("now", "unmatched", "bodies", "rows_id", "rows_seconds", "limit"), 1)


@pytest.mark.parametrize(
    "query",
    [retention.EXPIRED, retention.UNCLAIMED, retention.BODIES, retention.DELIVERIES, retention.CALLBACKS],
    ids=["expired", "unclaimed", "bodies", "deliveries", "callbacks"],
)
def test_what_is_due_is_found_by_an_index_oldest_first(ledger: SqliteLedger, path: Path, query: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", _LIMITS)]
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert any(f"{bound}<" in plan[0] for bound in ("expires_at", "received_at", "(id", "since")), plan


@pytest.mark.parametrize(("drop", "row"), _DROPS, ids=lambda value: getattr(value, "__name__", None))
def test_each_row_is_dropped_by_an_index(
    ledger: SqliteLedger, path: Path, drop: retention.Drop, row: dict[str, object]
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        explained = Explained(connection)
        drop(explained, row)  # type: ignore[arg-type]  # it only runs statements
    assert explained.plans
    for sql, plan in explained.plans.items():
        assert [step for step in plan if re.match(r"SCAN (?!CONSTANT)", step)] == [], json.dumps([sql, plan])


async def test_keeping_no_bodies_passes_over_what_is_pending_without_holding_the_writer(
    ledger: SqliteLedger, path: Path
) -> None:
    fill(path, 30_000, days=1, outcome="pending")
    timed = Timed(ledger)
    keep = KEEP.model_copy(update={"keep_bodies": timedelta(0)})
    assert (await sweep(timed, keep, NOW)).bodies == 0
    assert timed.written == []
    assert (await rows(ledger, "SELECT count(body) FROM deliveries"))[0][0] == 30_000
