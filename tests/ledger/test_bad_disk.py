"""A disk whose reads, writes or flushes fail: nothing is acknowledged that is not there, and it heals."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
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


async def test_what_can_not_be_written_is_try_later_and_it_heals_by_itself(
    ledger: SqliteLedger, disk: Disk, path: Path
) -> None:
    before, after = await open_callback(ledger), await open_callback(ledger)
    assert (await deliver_one(ledger, before, event())).outcome == "pending"

    disk.failing.add("write")
    for number in range(3):
        with pytest.raises(TryLater, match="the ledger cannot write"):
            await deliver_one(ledger, after, event(f"evt_{number}"))
    assert disk.failures >= 3

    disk.failing.clear()
    assert await state_of(ledger, after) == "open"
    assert await rows(ledger, "SELECT count(*) FROM deliveries") == [(1,)]
    assert (await deliver_one(ledger, after, event("evt_0"))).outcome == "pending"
    await _finds(ledger, path, before.id, after.id)


async def test_what_can_not_be_flushed_is_try_later_until_all_of_it_is_in_the_file(
    ledger: SqliteLedger, disk: Disk, path: Path
) -> None:
    before, after, last = [await open_callback(ledger) for _ in range(3)]
    assert (await deliver_one(ledger, before, event())).outcome == "pending"

    disk.failing.add("sync")
    for _ in range(3):
        with pytest.raises(TryLater, match="the ledger cannot write"):
            await deliver_one(ledger, after, event("evt_0"))
    assert disk.failures >= 3

    disk.failing.clear()
    # Nobody was told of it, and it is there all the same: its repeat says so, once that is true.
    assert (await deliver_one(ledger, after, event("evt_0"))).outcome == "duplicate"
    # What the log held was not trusted to be on the disk: it is in the file.
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        assert file.execute("SELECT count(*) FROM events WHERE event_id = 'evt_0'").fetchone() >= (2,)
    assert (await deliver_one(ledger, last, event("evt_9"))).outcome == "pending"
    await _finds(ledger, path, before.id, after.id, last.id)


async def _finds(ledger: SqliteLedger, path: Path, *callbacks: str) -> None:
    """What was acknowledged, and no other effect, is there for the next one that opens the file."""
    ledger.close()
    reopened = SqliteLedger(path)
    try:
        found = await rows(
            reopened, "SELECT callback_id FROM events WHERE outcome = 'pending' ORDER BY callback_id"
        )
        assert [row[0] for row in found] == sorted(callbacks)
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
