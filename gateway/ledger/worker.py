"""
What a store offers to operations, and the queue that brings them from the event loop to its threads.

An operation is a plain function of a `Transaction`; a store runs it in a transaction of its own or together
with others, and may run it again where another process came in between.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, Literal, Protocol, TypeVar

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

    #: Whether no other operation can be at work at the same time: there is nothing to lock, then.
    alone: bool

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

    def before_flush(self, hook: Callable[[], None]) -> None:
        """Have something done before what is written is flushed, in the thread that flushes it."""
        ...


Operation = Callable[[Transaction], Result]


class Watch(Protocol):
    """Is told what a store does, in the store's own threads."""

    def ledger_did(self, kind: Literal["read", "write"], operations: int, seconds: float) -> None:
        """So many operations were done in one transaction, which was flushed where it wrote."""
        ...

    def ledger_failed(self) -> None:
        """A transaction failed, or was not done in time."""
        ...


class Raced(Exception):
    """Another process came in between: an operation that raises this is run again."""


class Job(Generic[Result]):
    """
    An operation and who waits for its result, until `deadline` on `time.monotonic()`; `waiting` is None where
    its caller has the result itself. `lasting`: a commit of it is flushed before that. `late` gets the result
    where whoever waited has given up by then.

    It is begun, or given up, by whoever is first to ask.
    """

    __slots__ = ("_first", "deadline", "lasting", "late", "operation", "waiting")

    def __init__(
        self,
        operation: Operation[Result],
        within: float | None,
        waiting: asyncio.Future[Result] | None = None,
        lasting: bool = True,
        late: Callable[[Result], None] | None = None,
    ) -> None:
        self.operation = operation
        self.lasting = lasting
        self.late = late
        self.deadline = time.monotonic() + (LONGEST if within is None else within)
        self.waiting = waiting
        self._first = threading.Lock()

    def begin(self) -> bool:
        """Whether it is to be run; False where whoever waited has given up. Asked once."""
        return self._first.acquire(blocking=False)

    @property
    def is_waited_for(self) -> bool:
        """Whether its result is still of use to somebody."""
        return self.waiting is None or not self.waiting.done()

    def give_up(self) -> None:
        """Wait no longer: an operation that has not begun never will, one that has may still be committed."""
        self._first.acquire(blocking=False)


#: A job that was run, with its result or with what it raised.
Done = tuple[Job[Any], Any, BaseException | None]


def tell(done: Sequence[Done]) -> None:
    """Let those who wait have their results, from another thread than theirs: each loop is woken up once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Done]] = {}
    for one in done:
        if (waiting := one[0].waiting) is not None:
            by_loop.setdefault(waiting.get_loop(), []).append(one)
    for loop, ones in by_loop.items():
        # A loop that is closed has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, ones)


def settle(done: Sequence[Done]) -> None:
    """Let those who wait have their results, in their own loop."""
    for job, result, raised in done:
        waiting = job.waiting
        if waiting is None:
            continue
        if waiting.done():
            if raised is None and job.late is not None:
                job.late(result)
        elif raised is None:
            waiting.set_result(result)
        else:
            waiting.set_exception(raised)


class Jobs:
    """
    Operations on their way to the threads of a store, in the order in which they came.

    `kind` says what they do; `watch` is told of them.
    """

    def __init__(self, kind: Literal["read", "write"], watch: Watch | None) -> None:
        self._kind = kind
        self._watch = watch
        self._queue: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()

    async def run(
        self,
        operation: Operation[Result],
        within: float | None = None,
        lasting: bool = True,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """
        The operation's result, once it is committed.

        Raises `TryLater` where that takes longer than `within` seconds; an operation that has not begun by
        then is dropped, one that has may still be committed, and `late` is told its result then.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Result] = loop.create_future()
        job = Job(operation, within, waiting, lasting, late)
        timer = None if within is None else loop.call_later(within, self._too_late, job)
        self._queue.put(job)
        try:
            return await waiting
        except asyncio.CancelledError:
            job.give_up()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _too_late(self, job: Job[Any]) -> None:
        job.give_up()
        if job.waiting is not None and not job.waiting.done():
            self.failed()
            job.waiting.set_exception(TryLater("the ledger did not answer in time"))

    def did(self, operations: int, seconds: float) -> None:
        """Tell that so many operations were done in a transaction."""
        if self._watch is not None:
            self._watch.ledger_did(self._kind, operations, seconds)

    def failed(self) -> None:
        """Tell that one failed."""
        if self._watch is not None:
            self._watch.ledger_failed()

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
