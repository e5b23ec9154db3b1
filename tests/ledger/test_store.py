"""The SQLite file: who owns it, that it is flushed, how it grows up, and what a full disk does."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigurationError, Invalid, TryLater
from gateway.ledger import connect
from gateway.ledger.migrate import HEAD
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.worker import Operation, Transaction
from gateway.secret import Secret
from tests.ledger.samples import callback, deliver_one, event, issue, open_callback, rows, state_of


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    """An empty ledger."""
    opened = SqliteLedger(path)
    yield opened
    opened.close()


def put(name: str) -> Operation[str]:
    """An operation that writes one row."""

    def operation(tx: Transaction) -> str:
        tx.insert("aliases", {"source": "s", "alias": name, "callback_id": "cb", "created_at": 1})
        return name

    return operation


def fail(error: Exception) -> Operation[str]:
    """An operation that writes a row and then raises."""

    def operation(tx: Transaction) -> str:
        tx.insert("aliases", {"source": "s", "alias": "half", "callback_id": "cb", "created_at": 1})
        raise error

    return operation


async def names(ledger: SqliteLedger) -> set[str]:
    """What `put` has written."""
    return {row[0] for row in await rows(ledger, "SELECT alias FROM aliases")}


async def in_one_commit(ledger: SqliteLedger, *operations: Operation[Any]) -> list[Any]:
    """Results, or errors, of operations that share a commit: one turn of the loop brings them."""
    return await asyncio.gather(
        *(ledger.write(operation, within=20) for operation in operations), return_exceptions=True
    )


async def test_an_operation_that_fails_leaves_its_neighbours_in_the_commit_alone(
    ledger: SqliteLedger,
) -> None:
    errors = [Invalid("no"), ValueError("no"), sqlite3.IntegrityError("no"), KeyError("no")]
    operations: list[Operation[str]] = []
    for number, error in enumerate(errors):
        operations += [put(f"before-{number}"), fail(error), put(f"after-{number}")]
    results = await in_one_commit(ledger, *operations)
    assert results[1::3] == errors
    written = {f"{when}-{number}" for when in ("before", "after") for number in range(len(errors))}
    assert {*results[0::3], *results[2::3]} == written
    assert await names(ledger) == written


async def test_a_broken_constraint_is_its_own_operations_matter(ledger: SqliteLedger) -> None:
    results = await in_one_commit(ledger, put("same"), put("same"), put("other"))
    assert results[0] == "same"
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert results[2] == "other"


async def test_text_that_no_database_takes_fails_its_own_operation_only(ledger: SqliteLedger) -> None:
    results = await in_one_commit(ledger, put("one"), put("\ud800"), put("two"), put("nul\0inside"))
    assert isinstance(results[1], UnicodeEncodeError)
    assert await names(ledger) == {"one", "two", "nul\0inside"}


async def test_operations_that_wait_share_a_commit(ledger: SqliteLedger) -> None:
    seen: list[bool] = []

    def count_commits(tx: Transaction) -> None:
        # Inside a shared commit the rows of those before are there, and nobody else sees them yet.
        other = sqlite3.connect(ledger.path)
        seen.append(other.execute("SELECT count(*) FROM aliases").fetchone()[0] == 0)
        other.close()

    await in_one_commit(ledger, put("one"), put("two"), count_commits)
    assert seen == [True]
    assert await names(ledger) == {"one", "two"}


@pytest.fixture
def flushed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a power cut would leave of the ledger: the files as they were at their last flush."""
    copy, flush = tmp_path / "flushed", os.fdatasync
    copy.mkdir()

    def and_copy(descriptor: int) -> None:
        flush(descriptor)
        for file in (path, Path(f"{path}-wal")):
            shutil.copy(file, copy / file.name)

    monkeypatch.setattr(os, "fdatasync", and_copy)
    return copy / path.name


async def test_what_was_acknowledged_outlives_a_power_cut(ledger: SqliteLedger, flushed: Path) -> None:
    for number in range(30):
        await asyncio.gather(*(ledger.write(put(f"{number}-{each}")) for each in range(number % 3 + 1)))
        acknowledged = {f"{n}-{each}" for n in range(number + 1) for each in range(n % 3 + 1)}
        with closing(sqlite3.connect(flushed)) as left:
            assert {row[0] for row in left.execute("SELECT alias FROM aliases")} == acknowledged


async def test_the_log_is_brought_into_the_file_and_does_not_grow(ledger: SqliteLedger, path: Path) -> None:
    def many(start: int) -> Operation[None]:
        def operation(tx: Transaction) -> None:
            for number in range(start, start + 500):
                put(f"{number:06d}" + "x" * 500)(tx)

        return operation

    for start in range(0, 20_000, 500):
        await ledger.write(many(start), within=10)
    size = await asyncio.to_thread(lambda: Path(f"{path}-wal").stat().st_size)
    assert size < 4 << 20
    assert len(await names(ledger)) == 20_000


def test_the_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened = SqliteLedger(tmp_path / "new" / "gateway.db")
        asyncio.run(issue(opened, callback()))
    finally:
        os.umask(before)
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "new").iterdir()}
    folder = (tmp_path / "new").stat().st_mode & 0o777
    opened.close()
    assert {"gateway.db", "gateway.db-wal"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
    assert folder == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    # A backup that was put back, say.
    path.touch(mode=0o644)
    path.chmod(0o644)
    SqliteLedger(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


_OPEN = """
import sys
from pathlib import Path
from gateway.ledger.sqlite import SqliteLedger
SqliteLedger(Path(sys.argv[1]))"""


def test_a_second_process_is_refused(ledger: SqliteLedger) -> None:
    second = subprocess.run(
        [sys.executable, "-c", _OPEN, ledger.path], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"another gateway uses {ledger.path}; an SQLite ledger belongs to one process" in second.stderr


def test_a_second_owner_in_the_same_process_is_refused_until_the_first_is_closed(path: Path) -> None:
    first = SqliteLedger(path)
    with pytest.raises(ConfigurationError, match="belongs to one process"):
        SqliteLedger(path)
    first.close()
    SqliteLedger(path).close()


def test_an_empty_file_gets_all_tables(path: Path) -> None:
    connect(Secret(f"sqlite:///{path}")).close()
    connection = sqlite3.connect(path)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    assert {"callbacks", "deliveries", "events", "aliases"} <= tables
    assert version == [(HEAD,)]


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    folder = Path(sys.modules["gateway.ledger.migrate"].__file__ or "").parent / "migrations" / "versions"
    newest = max(file.name.partition("_")[0] for file in folder.glob("[0-9]*.py"))
    assert newest == HEAD


def test_a_ledger_that_is_up_to_date_opens_without_alembic(path: Path) -> None:
    SqliteLedger(path).close()
    script = f"{_OPEN}.close(); print('alembic' in sys.modules)"
    again = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert again.stdout == "False\n"


async def test_a_ledger_that_is_opened_again_has_what_it_had(path: Path) -> None:
    first = SqliteLedger(path)
    waiting = await open_callback(first)
    first.close()
    second = SqliteLedger(path)
    try:
        assert await state_of(second, waiting) == "open"
    finally:
        second.close()


def test_a_ledger_of_a_newer_gateway_is_refused_and_left_alone(path: Path) -> None:
    SqliteLedger(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for _ in range(2):  # a refusal lets go of the file
        with pytest.raises(ConfigurationError) as caught:
            SqliteLedger(path)
        assert f"schema 9999, this one knows {HEAD}" in str(caught.value)
        assert "start that version, or restore a backup" in str(caught.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda path: path.write_bytes(b"this is no database, and long enough to say so" * 100),
            "not a database",
        ),
        (lambda path: path.mkdir(), "Is a directory"),
    ],
)
def test_what_is_no_ledger_is_refused_by_name(path: Path, make: Callable[[Path], None], says: str) -> None:
    make(path)
    with pytest.raises(ConfigurationError) as caught:
        SqliteLedger(path)
    assert str(caught.value).startswith(f"ledger.url: {path}: ")
    assert says in str(caught.value)


def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"^ledger\.url: .*/file/gateway.db: "):
        SqliteLedger(tmp_path / "file" / "gateway.db")


def test_a_migration_that_is_cut_off_leaves_nothing_half_made(path: Path) -> None:
    # Killed at the worst moment, between two tables.
    script = f"""
import os, sqlalchemy
from sqlalchemy import event
@event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
def cut(connection, cursor, statement, *rest):
    if "CREATE TABLE deliveries" in statement:
        os.kill(os.getpid(), 9)
{_OPEN}
"""
    cut = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert cut.returncode == -signal.SIGKILL, cut.stderr
    SqliteLedger(path).close()


async def test_a_full_disk_is_try_later_and_heals(ledger: SqliteLedger) -> None:
    waiting = await open_callback(ledger)

    def limit(pages: int) -> Operation[None]:
        def operation(tx: Transaction) -> None:
            tx.run(f"PRAGMA max_page_count = {pages}", {})

        return operation

    used = (await rows(ledger, "PRAGMA page_count"))[0][0]
    await ledger.write(limit(used), within=10)
    big = b'{"x":"%b"}' % (b"x" * 100_000)
    with pytest.raises(TryLater, match="the ledger cannot write"):
        await deliver_one(ledger, waiting, event(data=big))
    # Whoever shared its commit is not acknowledged either.
    results = await in_one_commit(ledger, put("neighbour"), put("x" * 200_000))
    assert [type(result) for result in results] == [TryLater, TryLater]
    assert await names(ledger) == set()
    assert await state_of(ledger, waiting) == "open"
    assert await rows(ledger, "SELECT count(*) FROM deliveries") == [(0,)]

    await ledger.write(limit(1 << 30), within=10)
    assert (await deliver_one(ledger, waiting, event(data=big))).outcome == "pending"
    assert await state_of(ledger, waiting) == "completed"


async def test_a_ledger_that_another_program_locks_is_try_later_and_heals(ledger: SqliteLedger) -> None:
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TryLater, match="did not answer in time"):
        await ledger.write(put("one"), within=0.2)
    other.execute("ROLLBACK")
    other.close()
    assert await ledger.write(put("two"), within=10) == "two"


async def test_while_a_commit_is_flushed_others_wait_and_whoever_gives_up_is_not_written(
    ledger: SqliteLedger,
) -> None:
    go, flushing = threading.Event(), threading.Event()

    def wait() -> None:
        flushing.set()
        assert go.wait(10)

    def slow(tx: Transaction) -> str:
        put("slow")(tx)
        tx.before_flush(wait)
        return "slow"

    first = asyncio.create_task(ledger.write(slow, within=20))
    await asyncio.to_thread(flushing.wait, 10)
    with pytest.raises(TryLater, match="did not answer in time"):
        await ledger.write(put("given up"), within=0.05)
    given_up = asyncio.create_task(ledger.write(put("cancelled"), within=20))
    waiting = asyncio.create_task(ledger.write(put("later"), within=20))
    await asyncio.sleep(0)
    given_up.cancel()
    # The loop goes on meanwhile, and nobody is told.
    assert await names(ledger) == {"slow"}
    assert not first.done()
    go.set()
    assert [await first, await waiting] == ["slow", "later"]
    assert await names(ledger) == {"slow", "later"}


async def test_what_fails_before_the_flush_is_not_acknowledged(ledger: SqliteLedger) -> None:
    def refused(tx: Transaction) -> None:
        put("refused")(tx)
        tx.before_flush(lambda: (_ for _ in ()).throw(ValueError("no")))

    results = await in_one_commit(ledger, put("beside"), refused)
    assert [str(result) for result in results] == ["no", "no"]
    assert await ledger.write(put("next")) == "next"


class Faulty:
    """A watch with a fault of its own, once."""

    raises = True

    def ledger_did(self, kind: str, operations: int, seconds: float) -> None:
        """Raise the first time."""
        if kind == "write" and self.raises:
            self.raises = False
            raise KeyError("a fault of ours")

    def ledger_failed(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("how", ["write", "note"])
async def test_a_fault_beside_a_commit_does_not_end_the_ledger(path: Path, how: str) -> None:
    ledger = SqliteLedger(path, Faulty())
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    run = {"write": ledger.write, "note": ledger.note}[how]
    with pytest.raises(TryLater, match="in time"):
        await run(put("one"), 0.1)
    assert await run(put("two"), 5) == "two"
    assert await names(ledger) == {"one", "two"}
    ledger.close()


async def test_closing_finishes_what_was_submitted(path: Path) -> None:
    ledger = SqliteLedger(path)
    writes = [asyncio.create_task(ledger.write(put(f"{number}"), within=10)) for number in range(300)]
    await asyncio.sleep(0)
    ledger.close()
    assert len(await asyncio.gather(*writes)) == 300


async def test_closing_finishes_a_commit_that_is_under_way(path: Path) -> None:
    ledger = SqliteLedger(path)

    def slow(tx: Transaction) -> str:
        tx.before_flush(lambda: time.sleep(0.1))
        return put("slow")(tx)

    writes = [asyncio.create_task(ledger.write(slow, within=10))]
    await asyncio.sleep(0.02)
    writes.append(asyncio.create_task(ledger.write(put("later"), within=10)))
    await asyncio.sleep(0)
    ledger.close()
    assert await asyncio.gather(*writes) == ["slow", "later"]
    reopened = SqliteLedger(path)
    assert await names(reopened) == {"slow", "later"}
    reopened.close()


_WRITER = """
import asyncio, sys
from pathlib import Path
from gateway.ledger.sqlite import SqliteLedger
from tests.ledger.samples import callback, issue
async def main():
    ledger = SqliteLedger(Path(sys.argv[1]))
    async def write():
        while True:
            issued = await issue(ledger, callback())
            print(issued.callback.id, flush=True)
    await asyncio.gather(*(write() for _ in range(20)))
asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 50, 400])
def test_after_kill_9_everything_acknowledged_is_there(path: Path, acknowledged: int) -> None:
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert writer.stdout is not None
    try:
        told = [writer.stdout.readline().strip() for _ in range(acknowledged)]
    finally:
        writer.kill()
        # What it had acknowledged when it was killed, the last line perhaps cut.
        rest = writer.stdout.read().split("\n")[:-1]
        writer.stdout.close()
        writer.wait()
    reopened = SqliteLedger(path)
    try:
        kept = {row[0] for row in asyncio.run(rows(reopened, "SELECT id FROM callbacks"))}
    finally:
        reopened.close()
    assert {*told, *rest} <= kept
    assert len(told) == acknowledged


async def test_a_ledger_opens_as_often_as_it_was_closed(path: Path) -> None:
    # Two connections that opened the log at once have locked each other out here.
    for number in range(30):
        again = SqliteLedger(path)
        assert await again.write(put(f"{number}"), within=5)
        assert len(await names(again)) == number + 1
        again.close()
