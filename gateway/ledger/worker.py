"""
A thread that owns a database connection and runs operations on it, many in one commit.

Operations that arrive while a commit is being flushed share the next one, so that a flush (0.2 ms and
more) is paid once for all deliveries in flight. Each runs in a savepoint of its own: what one of them
raises does not touch its neighbours.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from gateway.errors import TryLater

Result = TypeVar("Result")
#: A commit is not made to wait for more than this many operations.
_MAX_BATCH = 256


class Transaction:
    """What an operation does its reading and writing with. SQL has named parameters, `:name`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Execute a statement; the number of rows that it changed."""
        return self._connection.execute(sql, parameters).rowcount

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row; its number, where the table counts its rows."""
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        # Table and columns are this package's own literals.
        cursor = self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)
        return cursor.lastrowid or 0

    def one(self, sql: str, parameters: Mapping[str, Any]) -> sqlite3.Row | None:
        """The first row of a query."""
        row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Mapping[str, Any]) -> list[sqlite3.Row]:
        """The rows of a query."""
        return self._connection.execute(sql, parameters).fetchall()


Operation = Callable[[Transaction], Result]


class _Job(Generic[Result]):
    __slots__ = ("future", "operation")

    def __init__(self, operation: Operation[Result]) -> None:
        self.operation = operation
        self.future: Future[Result] = Future()


class Worker:
    """
    Runs operations, in the order in which they came, on one connection in one thread.

    `begin` is how a transaction starts: `BEGIN IMMEDIATE` for the writer. What goes wrong with the
    database itself (disk full, I/O error) is `TryLater` for every operation of that commit: nothing of
    it is kept. What an operation raises is that operation's own. Raises what `connect` raises.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], begin: str, name: str) -> None:
        self._connect = connect
        self._begin = begin
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, name=f"ledger-{name}", daemon=True)
        self._thread.start()
        self._opened.result()

    async def run(self, operation: Operation[Result], within: float | None = None) -> Result:
        """
        The operation's result, once it is committed.

        Raises `TryLater` where that takes longer than `within` seconds; an operation that has not
        begun by then is dropped, one that has may still be committed.
        """
        job = _Job(operation)
        self._jobs.put(job)
        try:
            async with asyncio.timeout(within):
                return await asyncio.wrap_future(job.future)
        except TimeoutError:
            raise TryLater("the ledger did not answer in time") from None

    def close(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._jobs.put(None)
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

    def _batches(self) -> Iterator[list[_Job[Any]]]:
        while (job := self._jobs.get()) is not None:
            batch = [job]
            last = False
            while len(batch) < _MAX_BATCH and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                batch.append(following)
            # Whoever gave up waiting before its turn has been answered 503: it must not be written.
            yield [job for job in batch if job.future.set_running_or_notify_cancel()]
            if last:
                return

    def _commit(self, connection: sqlite3.Connection, batch: list[_Job[Any]]) -> None:
        done: list[tuple[_Job[Any], Any, BaseException | None]] = []
        try:
            connection.execute(self._begin)
            for job in batch:
                done.append((job, *self._savepoint(connection, job)))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            failure = TryLater(f"the ledger cannot write: {error}")
            done = [(job, None, failure) for job in batch]
        for job, result, raised in done:
            if raised is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(raised)

    @staticmethod
    def _savepoint(connection: sqlite3.Connection, job: _Job[Any]) -> tuple[Any, BaseException | None]:
        connection.execute("SAVEPOINT operation")
        try:
            result = job.operation(Transaction(connection))
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                raise  # the database's own trouble: nothing of this commit is kept
            connection.execute("ROLLBACK TO operation")
            connection.execute("RELEASE operation")
            return None, error
        connection.execute("RELEASE operation")
        return result, None
