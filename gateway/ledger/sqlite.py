"""
The ledger in one SQLite file, which one process owns.

A commit is flushed before anybody is told of it, which is what lets the gateway acknowledge. The file is
0600: it holds customers' data and awakeable ids.

`gateway.ledger.writer` writes, one thread reads.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from gateway.errors import ConfigurationError, TryLater
from gateway.ledger.file import Log, Presence, prepare, tune
from gateway.ledger.migrate import migrate
from gateway.ledger.sqlite_transaction import SqliteTransaction
from gateway.ledger.worker import WRITE_TIMEOUT, Done, Job, Jobs, Operation, Result, Watch, tell
from gateway.ledger.writer import Writer

_MODE = 0o600


class _Reader:
    """Runs operations that only read, each on a snapshot of its own, in one thread."""

    def __init__(self, connection: sqlite3.Connection, watch: Watch | None) -> None:
        self._connection = connection
        self._jobs = Jobs("read", watch)
        self._thread = threading.Thread(target=self._work, name="ledger-reader", daemon=True)
        self._thread.start()

    async def run(self, operation: Operation[Result], within: float | None = None) -> Result:
        """The operation's result; see `Jobs.run`."""
        return await self._jobs.run(operation, within)

    def close(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._jobs.end()
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        while (job := self._jobs.next()) is not None:
            if job.begin():
                tell([self._read(job)])

    def _read(self, job: Job[Any]) -> Done:
        began = time.perf_counter()
        try:
            self._connection.execute("BEGIN")
            result = job.operation(SqliteTransaction(self._connection))
        except sqlite3.Error as error:
            self._jobs.failed()
            return job, None, TryLater(f"the ledger cannot be read: {error}")
        except Exception as error:
            return job, None, error
        finally:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        self._jobs.did(1, time.perf_counter() - began)
        return job, result, None


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
            connection = self._connect(wait=0)
            self._log = Log(path, connection)
            self._writer = Writer(connection, self._flush, watch)
            self._reader = _Reader(self._connect(wait=5), watch)
        except (sqlite3.Error, ConfigurationError) as error:
            self._lock.close()
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"ledger.url: {path}: {error}") from None

    async def write(
        self,
        operation: Operation[Result],
        within: float | None = WRITE_TIMEOUT,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """The operation's result once it is flushed; `TryLater`, and `late` told, where that took longer."""
        return await self._writer.run(operation, within, late=late)

    async def note(self, operation: Operation[Result], within: float | None = WRITE_TIMEOUT) -> Result:
        """The same without the flush: for what may be lost with the next power cut."""
        return await self._writer.run(operation, within, lasting=False)

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """The result of an operation that only reads; `TryLater` where it can't be had in time."""
        self._presence.check()
        return await self._reader.run(operation, within)

    def _flush(self, connection: sqlite3.Connection) -> None:
        self._presence.check()
        self._log.flush(connection)

    def size(self) -> int:
        """The bytes of the file and of its log."""
        return sum(file.stat().st_size for file in (self.path, Path(f"{self.path}-wal")) if file.exists())

    def close(self) -> None:
        """Finish what was submitted and give the file free."""
        self._writer.close()
        self._reader.close()
        self._log.close()
        self._lock.close()

    def _connect(self, wait: float) -> sqlite3.Connection:
        """A connection that waits so many seconds for a lock; one thread at a time uses it."""
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=wait, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
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
