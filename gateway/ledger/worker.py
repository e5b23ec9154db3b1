"""
What a store offers to operations, and the queue that brings them from the event loop to its threads.

An operation is a plain function of a `Transaction`; a store runs it in a transaction of its own or together
with others, and may run it again where another process came in between.
"""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from gateway.errors import TryLater

Result = TypeVar("Result")
#: From the last body byte a delivery waits this long for its commit, then the provider has to repeat it.
WRITE_TIMEOUT = 0.4
#: What an operation may take where its caller sets no bound, in seconds.
LONGEST = 60.0


class Row(Protocol):
    """A row of a query: its values in order, each also by its column's name."""

    def __getitem__(self, key: Any, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> Iterable[str]:
        """The columns' names."""
        ...


class Transaction(Protocol):
    """
    What an operation does its reading and writing with.

    SQL is what SQLite 3.35 and PostgreSQL 14 have in common, with named parameters, `:name`. It may lock the
    rows that it reads (`FOR UPDATE`, at its end also `OF table` and `SKIP LOCKED`), which SQLite needs not:
    there one operation is at work at a time.
    """

    def run(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Execute a statement; the number of rows that it changed."""
        ...

    def run_each(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement once with each of these parameters."""
        ...

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row; its number, where the table counts its rows."""
        ...

    def one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """The first row of a query."""
        ...

    def all(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a query."""
        ...

    def lock(self, *texts: str) -> None:
        """
        Wait until no other operation holds a lock on one of these texts, and hold them until the end.

        All that an operation needs are taken at once, so that no two wait for each other.
        """
        ...


Operation = Callable[[Transaction], Result]


class Raced(Exception):
    """Another process came in between: an operation that raises this is run again."""


class Job(Generic[Result]):
    """An operation and who waits for its result, until `deadline` on `time.monotonic()`."""

    __slots__ = ("deadline", "future", "operation")

    def __init__(self, operation: Operation[Result], within: float | None) -> None:
        self.operation = operation
        self.deadline = time.monotonic() + (LONGEST if within is None else within)
        self.future: Future[Result] = Future()


class Jobs:
    """Operations on their way to the threads of a store, in the order in which they came."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()

    async def run(self, operation: Operation[Result], within: float | None = None) -> Result:
        """
        The operation's result, once it is committed.

        Raises `TryLater` where that takes longer than `within` seconds; an operation that has not begun by
        then is dropped, one that has may still be committed.
        """
        job = Job(operation, within)
        self._queue.put(job)
        try:
            async with asyncio.timeout(within):
                return await asyncio.wrap_future(job.future)
        except TimeoutError:
            raise TryLater("the ledger did not answer in time") from None

    def next(self) -> Job[Any] | None:
        """The next one, once there is one; None when a thread is to end."""
        return self._queue.get()

    @property
    def waiting(self) -> bool:
        """Whether `next` would not wait."""
        return not self._queue.empty()

    def end(self, threads: int = 1) -> None:
        """Let so many threads end once what was submitted is done."""
        for _ in range(threads):
            self._queue.put(None)
