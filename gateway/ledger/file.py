"""
The SQLite file as a file: made so that it can shrink, looked through when it is opened, missed when it is
gone, given back what it no longer needs.

Every byte that is deleted is overwritten (`secure_delete`): what retention or `forget` drops is not left
in a free page. https://sqlite.org/pragma.html describes each pragma named here.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from gateway.errors import ConfigurationError, TryLater
from gateway.ledger.worker import Operation, Transaction
from gateway.log import logger

#: A file of a GB is looked through in about a second; a start is not to wait longer for a larger one.
_LOOK_SECONDS = 5.0
#: SQLite asks whether to go on after so many of its steps.
_STEPS = 100_000
#: Of the file, what may lie free before it is given back: under steady load the next deliveries need it.
_SPARE = 0.2
#: So small a file is left alone, in pages of 4 KiB.
_SMALL = 256
#: Pages moved in one commit: 2 ms.
_MOVED = 200
#: The log of a busy hour is cut back to this when it starts again from its beginning.
_LOG_BYTES = 8 << 20
#: After so many rows that were written the log is brought into the file: 4 MB with bodies of 1.5 kB.
_LOG_ROWS = 1000


def prepare(path: Path) -> None:
    """
    Make an empty file a database that can shrink, or look through the one that is there.

    Raises `ConfigurationError` for a file that is damaged or no database: what was found, what to do.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        try:
            if path.stat().st_size == 0:
                # Only an empty database can be told so.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
                return
            problem = damage(connection, _LOOK_SECONDS)
        except sqlite3.OperationalError:
            raise  # locked, no room, not readable: the file itself may be whole
        except sqlite3.DatabaseError as error:
            problem = str(error)
    if problem is not None:
        raise ConfigurationError(
            f"ledger.url: {path}: the ledger is damaged: {problem}; put a backup in its place with "
            f'"gateway ledger restore FILE", which keeps this one aside, or move it away to start with an '
            "empty one"
        )


def damage(connection: sqlite3.Connection, within: float | None = None) -> str | None:
    """
    What SQLite's own check finds wrong with a database, None where all is well.

    After `within` seconds it is left at what was seen. Without a limit indexes are compared as well.
    """
    deadline = time.monotonic() + (within or 0)
    if within is not None:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        check = "integrity_check(1)" if within is None else "quick_check(1)"
        found = str(connection.execute(f"PRAGMA {check}").fetchone()[0])
    except sqlite3.OperationalError as error:
        if within is None or error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)
    # Its first line names the database: "*** in database main ***".
    return None if found == "ok" else found.splitlines()[-1]


def tune(connection: sqlite3.Connection) -> None:
    """Set what each connection that writes has to have."""
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")


class Log:
    """
    The log that is written ahead (https://sqlite.org/wal.html), flushed by whoever wants a commit to last.

    With `synchronous=NORMAL` SQLite commits to the log without waiting for the disk and flushes it, as it has
    to, before anything goes into the file. What FULL does besides, one flush at the end of each commit, is
    `flush`: the log's frames carry checksums, and what was flushed is found again. No lock of SQLite's is on
    the log, so that another descriptor for it does no harm.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")
        # A checkpoint waits for the disk: it is made here, beside a flush, and not in the midst of a commit.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # makes the log
        self._file = Path(f"{path}-wal").open("rb")  # noqa: SIM115  # held as long as the ledger
        self._changes = connection.total_changes
        self._torn = False

    def flush(self, connection: sqlite3.Connection) -> None:
        """
        Bring to the disk what `connection` has committed.

        Raises `OSError` or `sqlite3.Error` where that can't be said. The operating system may have dropped
        what it could not write (https://lwn.net/Articles/752063/), so the log is trusted again only once all
        of it is in the file.
        """
        if self._torn:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise sqlite3.OperationalError("the log is in use")
            self._torn = False
            return
        try:
            # As SQLite does itself; not every system has the first.
            getattr(os, "fdatasync", os.fsync)(self._file.fileno())
        except OSError:
            self._torn = True
            raise
        changes = connection.total_changes
        if changes - self._changes > _LOG_ROWS or os.fstat(self._file.fileno()).st_size > 2 * _LOG_BYTES:
            # What can't be brought into the file now stays in the log.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._changes = changes

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


class Presence:
    """
    Whether the file that was opened is still the one at its path.

    What is written to a file that was removed or replaced is gone at the next start, so nothing may be
    acknowledged then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = self._look()
        self._missed = False

    def check(self) -> None:
        """Raise `TryLater`, and alarm once, where it is not; a file that is put back is taken again."""
        if self._look() == self._opened:
            self._missed = False
            return
        if not self._missed:
            self._missed = True
            logger.error(
                "the ledger's file was removed or replaced while it is in use: nothing is taken any more",
                path=str(self._path),
                remedy="put the file back, or restart the gateway to go on with the one that is there",
            )
        raise TryLater("the ledger's file was removed or replaced; put it back, or restart the gateway")

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino


def give_back() -> Operation[bool]:
    """The operation that gives free pages at the file's end back; its result: whether there are more."""

    def operation(tx: Transaction) -> bool:
        free, pages = (_pragma(tx, name) for name in ("freelist_count", "page_count"))
        surplus = free - int(max(pages * _SPARE, _SMALL))
        # Python takes one step of a statement without columns, and that is one page.
        for _ in range(min(surplus, _MOVED)):
            tx.all("PRAGMA incremental_vacuum(1)", {})
        return surplus > _MOVED

    return operation


async def cut_log(path: Path, within: float) -> bool:
    """
    Bring the log's content into the file and empty the log; whether that was done within some seconds.

    Whoever reads the log, a backup say, is waited for; what is written meanwhile does not wait.
    """
    deadline = time.monotonic() + within
    while not await asyncio.to_thread(_cut_log, path):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def _cut_log(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0.05)) as other:
            # Most of it without holding up the writer, so that the rest takes no time.
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")
            busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    return not busy


def _pragma(tx: Transaction, name: str) -> int:
    row = tx.one(f"PRAGMA {name}", {})
    return int(row[0]) if row else 0
