"""Damage: a row that can't be read, a file that is broken, a file that is gone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.errors import ConfigurationError, TryLater
from gateway.ledger import Ledger, issuing, owing
from gateway.ledger.sqlite import SqliteLedger
from tests.core.samples import NOW
from tests.ledger.samples import deliver_one, event, open_callback, rows
from tests.retention.filling import fill

LATER = NOW + 100


async def spoil(ledger: Ledger, sql: str, **parameters: Any) -> None:
    """Write something that the gateway never would."""
    assert await ledger.write(lambda tx: tx.run(sql, parameters), within=10) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE callbacks SET target = '{\"awakeable\"' WHERE id = :id",
        'UPDATE callbacks SET target = \'{"telepathy": "x"}\' WHERE id = :id',
        "UPDATE callbacks SET rules = '[1]' WHERE id = :id",
        "UPDATE callbacks SET rules = 'x' WHERE id = :id",
        "UPDATE callbacks SET state = 'floating' WHERE id = :id",
        "UPDATE events SET verdict = 'perhaps' WHERE callback_id = :id",
        "UPDATE deliveries SET body = NULL WHERE callback_id = :id",
        "UPDATE deliveries SET body = :other WHERE callback_id = :id",
        "DELETE FROM deliveries WHERE callback_id = :id",
        "DELETE FROM callbacks WHERE id = :id",
    ],
    ids=[
        *("torn target", "unknown target", "rules of another kind", "torn rules", "unknown state"),
        *("unknown verdict", "no body", "other bytes", "no delivery", "no callback"),
    ],
)
async def test_a_damaged_row_is_put_aside_and_the_rest_is_delivered(either: Ledger, sql: str) -> None:
    damaged, whole = await open_callback(either), await open_callback(either)
    await deliver_one(either, damaged, event("evt_1"))
    await deliver_one(either, whole, event("evt_2"))
    parameters = {"other": b'{"amount": 1000000}'} if ":other" in sql else {}
    await spoil(either, sql, id=damaged.id, **parameters)
    with capture_logs() as logs:
        taken = await either.write(owing.take(LATER, 10), within=10)
    assert [owed.event_id for owed in taken] == ["evt_2"]
    outcomes = await rows(either, "SELECT outcome, error FROM events ORDER BY id")
    assert outcomes[0][0] == "dead"
    assert outcomes[0][1].startswith("the ledger's row cannot be read (")
    assert outcomes[1] == ("pending", None)
    (alarm,) = logs
    assert (alarm["log_level"], alarm["event"]) == ("error", "dead: a damaged row")
    assert alarm["callback"] == damaged.id
    assert await either.read(owing.count()) == 1


async def test_it_is_put_aside_once(either: Ledger) -> None:
    damaged = await open_callback(either)
    await deliver_one(either, damaged, event())
    await spoil(either, "UPDATE callbacks SET target = '' WHERE id = :id", id=damaged.id)
    for expected in (1, 0):
        with capture_logs() as logs:
            assert await either.write(owing.take(LATER, 10), within=10) == []
        assert len(logs) == expected


class TestABrokenFile:
    def _refused(self, path: Path) -> str:
        for _ in range(2):  # a refusal lets go of the file
            with pytest.raises(ConfigurationError) as caught:
                SqliteLedger(path)
        assert str(caught.value).startswith(f"ledger.url: {path}: the ledger is damaged: ")
        assert "gateway ledger restore FILE" in str(caught.value)
        return str(caught.value)

    @pytest.mark.parametrize("place", [0, 16, 100], ids=["the name", "the page size", "the first page"])
    def test_a_broken_header_is_refused_with_what_to_do(self, path: Path, place: int) -> None:
        SqliteLedger(path).close()
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"\xff" * 16)
        self._refused(path)

    def test_a_broken_page_in_the_middle_is_found_at_start(self, path: Path) -> None:
        SqliteLedger(path).close()
        fill(path, 3000, days=1)
        pages = path.stat().st_size // 4096
        with path.open("r+b") as file:
            for page in range(pages // 3, pages // 3 + 5):
                file.seek(page * 4096)
                file.write(b"\xff" * 4096)
        self._refused(path)

    def test_a_file_that_was_cut_off_is_found_at_start(self, path: Path) -> None:
        SqliteLedger(path).close()
        fill(path, 3000, days=1)
        os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)
        self._refused(path)

    def test_a_file_that_is_whole_opens(self, path: Path) -> None:
        SqliteLedger(path).close()
        fill(path, 3000, days=1)
        SqliteLedger(path).close()

    def test_a_file_that_is_only_locked_is_not_called_damaged(self, path: Path) -> None:
        SqliteLedger(path).close()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(ConfigurationError, match="database is locked") as caught:
                SqliteLedger(path)
        assert "damaged" not in str(caught.value)


class TestAFileThatIsGone:
    async def _taken(self, ledger: SqliteLedger) -> None:
        with pytest.raises(TryLater, match="file was removed or replaced"):
            await open_callback(ledger)
        with pytest.raises(TryLater, match="file was removed or replaced"):
            await ledger.read(owing.count())

    async def test_nothing_is_taken_into_a_file_that_was_removed(
        self, ledger: SqliteLedger, path: Path
    ) -> None:
        await open_callback(ledger)
        await asyncio.to_thread(path.unlink)
        with capture_logs() as logs:
            await self._taken(ledger)
            await self._taken(ledger)
        (alarm,) = logs
        assert alarm["log_level"] == "error"
        assert "removed or replaced" in alarm["event"]
        assert "restart" in alarm["remedy"]

    async def test_nothing_is_taken_while_another_file_is_in_its_place_and_it_heals(
        self, ledger: SqliteLedger, path: Path, tmp_path: Path
    ) -> None:
        waiting = await open_callback(ledger)
        aside = tmp_path / "aside.db"
        await asyncio.to_thread(os.rename, path, aside)
        await asyncio.to_thread(path.write_bytes, b"")
        await self._taken(ledger)
        await asyncio.to_thread(os.rename, aside, path)
        assert await ledger.read(issuing.find(waiting.id)) is not None
        await open_callback(ledger)
