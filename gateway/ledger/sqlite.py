"""
The ledger in one SQLite file, which one process owns.

WAL with `synchronous=FULL`: a commit is flushed before it returns (https://sqlite.org/wal.html), which is
what lets the gateway acknowledge. The file is 0600: it holds customers' data and awakeable ids.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO

from gateway.errors import ConfigurationError
from gateway.ledger.migrate import migrate
from gateway.ledger.worker import Operation, Result, Transaction, Worker

#: From the last body byte a delivery waits this long for its commit, then the provider has to repeat it.
WRITE_TIMEOUT = 0.4
_MODE = 0o600


class SqliteLedger:
    """
    The ledger: `write` runs an operation in a flushed commit, `read` one on a snapshot beside it.

    Raises `ConfigurationError` where another process owns the file or it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _own(path)
        try:
            migrate(path)
            # One after the other: two connections that open the log at once lock each other out.
            self._writer = Worker(self._connect, "BEGIN IMMEDIATE", "writer")
            self._reader = Worker(self._connect, "BEGIN", "reader")
        except (sqlite3.Error, ConfigurationError) as error:
            self._lock.close()
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"ledger.url: {path}: {error}") from None

    async def write(self, operation: Operation[Result], within: float | None = WRITE_TIMEOUT) -> Result:
        """The operation's result once it is flushed; `TryLater` where that can't be had in time."""
        return await self._writer.run(operation, within)

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """The result of an operation that only reads; `TryLater` where it can't be had in time."""
        return await self._reader.run(operation, within)

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
            return operation(Transaction(connection))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ConfigurationError(f"ledger.url: {path}: {error}") from None


def _own(path: Path) -> IO[str]:
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
