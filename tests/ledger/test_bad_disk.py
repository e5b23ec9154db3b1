"""A disk whose reads, writes or flushes fail: nothing is acknowledged that is not there, and it heals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import TryLater
from gateway.ledger.sqlite import SqliteLedger
from tests.ledger.bad_disk import Disk, bad_disk
from tests.ledger.samples import deliver_one, event, open_callback, rows, state_of


@pytest.fixture
def disk() -> Iterator[Disk]:
    """The disk, in order as yet."""
    with bad_disk() as disk:
        yield disk


@pytest.fixture
def ledger(disk: Disk, path: Path) -> Iterator[SqliteLedger]:
    """A ledger on it."""
    opened = SqliteLedger(path)
    yield opened
    disk.failing.clear()
    opened.close()


@pytest.mark.parametrize("fails", ["write", "sync"])
async def test_what_is_not_on_the_disk_is_try_later_and_it_heals_by_itself(
    ledger: SqliteLedger, disk: Disk, fails: str, path: Path
) -> None:
    before, after = await open_callback(ledger), await open_callback(ledger)
    assert (await deliver_one(ledger, before, event())).outcome == "pending"

    disk.failing.add(fails)
    for number in range(3):
        with pytest.raises(TryLater, match="the ledger cannot write"):
            await deliver_one(ledger, after, event(f"evt_{number}"))
    assert disk.failures >= 3

    disk.failing.clear()
    assert await state_of(ledger, after) == "open"
    assert await rows(ledger, "SELECT count(*) FROM deliveries") == [(1,)]
    assert (await deliver_one(ledger, after, event("evt_0"))).outcome == "pending"

    # What was acknowledged, and nothing else, is there for the next one that opens the file.
    ledger.close()
    reopened = SqliteLedger(path)
    try:
        found = await rows(reopened, "SELECT callback_id, event_id FROM events ORDER BY id")
        assert [row[0] for row in found] == [before.id, after.id]
        assert await rows(reopened, "PRAGMA integrity_check") == [("ok",)]
    finally:
        reopened.close()


async def test_what_cannot_be_read_is_try_later_and_it_heals_by_itself(
    ledger: SqliteLedger, disk: Disk
) -> None:
    waiting = await open_callback(ledger)
    # What is in memory needs no disk.
    for worker in (ledger.write, ledger.read):
        await worker(lambda tx: tx.run("PRAGMA shrink_memory", {}), 10)
    disk.failing.add("read")
    with pytest.raises(TryLater, match="the ledger cannot"):
        await deliver_one(ledger, waiting, event())
    assert disk.failures
    disk.failing.clear()
    assert (await deliver_one(ledger, waiting, event())).outcome == "pending"
    assert await state_of(ledger, waiting) == "completed"
