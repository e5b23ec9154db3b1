"""
The ledger in one SQLite file, which one process owns.

WAL with `synchronous=FULL`: a commit is flushed before it returns (https://sqlite.org/wal.html), which is
what lets the gateway acknowledge. The file is 0600: it holds customers' data and awakeable ids.

One thread writes. Operations that arrive while a commit is being flushed share the next one, so that a flush
(0.2 ms and more) is paid once for all deliveries in flight.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal

from gateway.errors import ConfigurationError, TryLater
from gateway.ledger.file import Presence, prepare, tune
from gateway.ledger.migrate import migrate
from gateway.ledger.worker import WRITE_TIMEOUT, Done, Job, Jobs, Operation, Result, Row, Watch, tell

#: A commit is not made to wait for more than this many operations.
_MAX_BATCH = 256
_MODE = 0o600
_ROW_LOCK = re.compile(r" FOR UPDATE(?: OF \w+)?(?: SKIP LOCKED)?")


@lru_cache(256)
def _without_locks(sql: str) -> str:
    return _ROW_LOCK.sub("", sql)


@lru_cache(64)
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    # Table and columns are this package's own literals.
    values = ", ".join(f":{column}" for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"


def _is_the_databases(error: Exception) -> bool:
    """Whether an error is the database's own trouble (disk full, I/O), after which no commit is kept."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError)


class SqliteTransaction:
    """See `gateway.ledger.worker.Transaction`. The writer is alone, so there is nothing to lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Execute a statement; the number of rows that it changed."""
        return self._connection.execute(_without_locks(sql), parameters).rowcount

    def run_each(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement once with each of these parameters."""
        self._connection.executemany(_without_locks(sql), parameters)

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row; its number, where the table counts its rows."""
        cursor = self._connection.execute(_insertion(table, tuple(row)), row)
        return cursor.lastrowid or 0

    def one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """The first row of a query."""
        row: Row | None = self._connection.execute(_without_locks(sql), parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a query."""
        return self._connection.execute(_without_locks(sql), parameters).fetchall()

    def lock(self, *texts: str) -> None:
        """Nothing: one operation is at work at a time."""


class Worker:
    """
    Runs operations, in the order in which they came, on one connection in one thread.

    What one operation raises does not touch its neighbours in the commit: they are run again, each in a
    savepoint, which seldom happens. What goes wrong with the database itself (disk full, I/O error) is
    `TryLater` for every operation of that commit: nothing of it is kept. Raises what `connect` raises.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], kind: Literal["read", "write"], watch: Watch | None
    ) -> None:
        self._connect = connect
        self._begin = {"read": "BEGIN", "write": "BEGIN IMMEDIATE"}[kind]
        self._jobs = Jobs(kind, watch)
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, name=f"ledger-{kind}r", daemon=True)
        self._thread.start()
        self._opened.result()

    async def run(self, operation: Operation[Result], within: float | None = None) -> Result:
        """The operation's result, once it is committed; see `Jobs.run`."""
        return await self._jobs.run(operation, within)

    def close(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._jobs.end()
        self._thread.join()

    def _work(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        try:
            for batch in self._batches():
                self._commit(connection, batch)
        finally:
            connection.close()

    def _batches(self) -> Iterator[list[Job[Any]]]:
        while (job := self._jobs.next()) is not None:
            batch = [job]
            last = False
            while len(batch) < _MAX_BATCH and self._jobs.waiting:
                following = self._jobs.next()
                if following is None:
                    last = True
                    break
                batch.append(following)
            # Whoever gave up waiting before its turn has been answered 503: it must not be written.
            if begun := [job for job in batch if job.begin()]:
                yield begun
            if last:
                return

    def _commit(self, connection: sqlite3.Connection, batch: list[Job[Any]]) -> None:
        began = time.perf_counter()
        try:
            done = self._together(connection, batch) or self._apart(connection, batch)
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            failure = TryLater(f"the ledger cannot write: {error}")
            done = [(job, None, failure) for job in batch]
            self._jobs.failed()
        else:
            self._jobs.did(len(batch), time.perf_counter() - began)
        tell(done)

    def _together(self, connection: sqlite3.Connection, batch: list[Job[Any]]) -> list[Done] | None:
        """The operations one after the other; None, and nothing of them kept, where one of them raises."""
        connection.execute(self._begin)
        tx = SqliteTransaction(connection)
        done: list[Done] = []
        for job in batch:
            try:
                done.append((job, job.operation(tx), None))
            except Exception as error:
                if _is_the_databases(error):
                    raise
                connection.execute("ROLLBACK")
                return [(job, None, error)] if len(batch) == 1 else None
        connection.execute("COMMIT")
        return done

    def _apart(self, connection: sqlite3.Connection, batch: list[Job[Any]]) -> list[Done]:
        """The same with a savepoint for each: what one raises leaves the others as they are."""
        connection.execute(self._begin)
        done: list[Done] = [(job, *self._savepoint(connection, job)) for job in batch]
        # Where nothing is to be kept, not even the pages that were put back are written.
        kept = any(raised is None for _, _, raised in done)
        connection.execute("COMMIT" if kept else "ROLLBACK")
        return done

    @staticmethod
    def _savepoint(connection: sqlite3.Connection, job: Job[Any]) -> tuple[Any, BaseException | None]:
        connection.execute("SAVEPOINT operation")
        try:
            result = job.operation(SqliteTransaction(connection))
        except Exception as error:
            if _is_the_databases(error):
                raise
            connection.execute("ROLLBACK TO operation")
            connection.execute("RELEASE operation")
            return None, error
        connection.execute("RELEASE operation")
        return result, None


class SqliteLedger:
    """
    The ledger: `write` runs an operation in a flushed commit, `read` one on a snapshot beside it.

    Raises `ConfigurationError` where another process owns the file or it can't be opened.
    """

    exclusive = True

    def __init__(self, path: Path, watch: Watch | None = None) -> None:
        self.path = path
        self._lock = own(path)
        try:
            prepare(path)
            migrate(path)
            self._presence = Presence(path)
            # One after the other: two connections that open the log at once lock each other out.
            self._writer = Worker(self._connect, "write", watch)
            self._reader = Worker(self._connect, "read", watch)
        except (sqlite3.Error, ConfigurationError) as error:
            self._lock.close()
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"ledger.url: {path}: {error}") from None

    async def write(self, operation: Operation[Result], within: float | None = WRITE_TIMEOUT) -> Result:
        """The operation's result once it is flushed; `TryLater` where that can't be had in time."""
        self._presence.check()
        return await self._writer.run(operation, within)

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """The result of an operation that only reads; `TryLater` where it can't be had in time."""
        self._presence.check()
        return await self._reader.run(operation, within)

    def size(self) -> int:
        """The bytes of the file and of its log."""
        return sum(file.stat().st_size for file in (self.path, Path(f"{self.path}-wal")) if file.exists())

    def close(self) -> None:
        """Finish what was submitted and give the file free."""
        self._writer.close()
        self._reader.close()
        self._lock.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=5)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        tune(connection)
        return connection


def look(path: Path, operation: Operation[Result]) -> Result:
    """
    The result of an operation that only reads, on a ledger that a running gateway may own.

    Raises `ConfigurationError` where the file can't be read.
    """
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return operation(SqliteTransaction(connection))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ConfigurationError(f"ledger.url: {path}: {error}") from None


def own(path: Path) -> IO[str]:
    """Make the file where it is missing, readable by its owner only, and lock it for this process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in (path, Path(f"{path}.lock")):
            descriptor = os.open(file, os.O_CREAT | os.O_RDWR, _MODE)
            # One that is there already may be a backup that was put back.
            os.fchmod(descriptor, _MODE)
            os.close(descriptor)
        lock = Path(f"{path}.lock").open("w")  # noqa: SIM115  # held as long as the ledger
    except OSError as error:
        raise ConfigurationError(f"ledger.url: {path}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigurationError(
            f"ledger.url: another gateway uses {path}; an SQLite ledger belongs to one process"
        ) from None
    return lock
