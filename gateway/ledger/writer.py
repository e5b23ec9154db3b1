"""
Who writes to an SQLite ledger: commits in the event loop, flushes in a thread.

A commit takes microseconds: it only reaches the operating system's memory. In a thread it would take
several times as long, because Python's threads take turns with one lock, which every statement gives away,
and two cores would hand each page to and fro. A flush takes 0.2 ms and more, seconds on a bad day, and nobody
else has to wait for that. Nobody is told of a commit before it is flushed, and operations that come meanwhile
share the next one, so that a flush is paid once for all deliveries in flight.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gateway.deadline import Deadline
from gateway.errors import TryLater
from gateway.ledger.sqlite_transaction import SqliteTransaction
from gateway.ledger.worker import Done, Job, Operation, Result, Watch, settle
from gateway.log import defect

#: A commit is not made to wait for more than this many operations.
_MAX_BATCH = 256
#: A file that another program has locked is tried again so soon.
_LOCKED_SECONDS = 0.005
#: Where so many operations come within a commit and its flush, the next one waits for more, in seconds: each
#: wakes up a thread and writes pages that it could share.
_CROWD = 8
_GATHER = 0.005
#: What is only noted waits so long for a commit that it can come along with: one of its own costs as much as
#: a delivery's.
_NOTES_WAIT = 0.01
#: A loop's timer may come so much before its time, in seconds.
_EARLY = 0.001
#: When the ledger is closed there is time to wait for it.
_LONGEST_LOCK_MS = 5000


class _Locked(Exception):
    """Another program has the file for itself."""


@dataclass(slots=True)
class _Commit:
    """Operations that are committed and not flushed yet; `failure` says why that can't be told to be so."""

    done: list[Done]
    hooks: list[Callable[[], None]]
    began: float
    over: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None


class Writer:
    """
    Runs operations in the order in which they came, one commit after the other, for one event loop.

    What one operation raises does not touch its neighbours in the commit: they are run again, each in a
    savepoint, which seldom happens. What goes wrong with the database itself (disk full, I/O error) is
    `TryLater` for every operation of that commit. `flush` brings to the disk what `connection` has committed,
    and raises why it can't be said to be there.

    `connection` waits for no lock, and may be used in other threads than the one that made it.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        flush: Callable[[sqlite3.Connection], None],
        watch: Watch | None,
    ) -> None:
        self._connection = connection
        self._flush = flush
        self._watch = watch
        self._jobs: deque[Job[Any]] = deque()
        self._waited_for: set[Job[Any]] = set()
        #: When the first of those who wait has waited for too long.
        self._due: Deadline | None = None
        #: When what is only noted is committed by itself.
        self._notes_due: asyncio.TimerHandle | None = None
        #: Whether a turn is to come without being asked for.
        self._at_work = False
        self._under_way: _Commit | None = None
        self._flushes: queue.SimpleQueue[tuple[_Commit, asyncio.AbstractEventLoop] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._thread.start()

    async def run(
        self,
        operation: Operation[Result],
        within: float | None = None,
        lasting: bool = True,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """
        The operation's result, once it is committed and, where it is `lasting`, flushed.

        Raises `TryLater` where that takes longer than `within` seconds; an operation that has not begun by
        then is dropped, one that has may still be committed, and `late` is told its result then.
        """
        loop = asyncio.get_running_loop()
        if self._due is None:
            self._due = Deadline(loop, self._look_for_late_ones)
        waiting: asyncio.Future[Result] = loop.create_future()
        job = Job(operation, within, waiting, lasting, late)
        self._jobs.append(job)
        self._waited_for.add(job)
        if self._due.at is None or job.deadline < self._due.at:
            self._due.set(job.deadline)
        if not self._at_work:
            if lasting:
                self._at_work = True
                # Not at once: what else this turn of the loop brings comes along.
                loop.call_soon(self._turn, loop)
            elif self._notes_due is None:
                self._notes_due = loop.call_later(_NOTES_WAIT, self._take_notes, loop)
        try:
            return await waiting
        finally:
            self._waited_for.discard(job)

    def close(self) -> None:
        """Finish what was submitted, then end the thread. Nothing may be submitted meanwhile."""
        if self._under_way is not None:
            self._under_way.over.wait()
            self._settle(self._under_way)
        if self._jobs:
            self._connection.execute(f"PRAGMA busy_timeout = {_LONGEST_LOCK_MS}")
        while (commit := self._next()) is not None:
            self._bring(commit)
            self._settle(commit)
        if self._due is not None:
            self._due.close()
        if self._notes_due is not None:
            self._notes_due.cancel()
        self._flushes.put(None)
        self._thread.join()
        self._connection.close()

    def _look_for_late_ones(self) -> None:
        """Tell those whose time is over, and look again when the next one's is."""
        now, next_one = time.monotonic(), None
        for job in self._waited_for:
            waiting = job.waiting
            if waiting is None or waiting.done():
                continue
            if job.deadline <= now + _EARLY:
                self._failed()
                waiting.set_exception(TryLater("the ledger did not answer in time"))
            elif next_one is None or job.deadline < next_one:
                next_one = job.deadline
        if self._due is not None and next_one is not None:
            self._due.set(next_one)

    def _take_notes(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what is only noted: nothing has come that it could have come along with."""
        self._notes_due = None
        if not self._at_work:
            self._at_work = True
            self._turn(loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what waits and have it flushed; once that is done, the next turn follows by itself."""
        try:
            commit = self._next()
        except _Locked:
            loop.call_later(_LOCKED_SECONDS, self._turn, loop)
            return
        except Exception as error:
            # A fault of ours: whoever waits is told in time, and the next one finds the writer at rest.
            defect(error)
            self._at_work = False
            return
        self._under_way = commit
        self._at_work = commit is not None
        if commit is not None:
            self._flushes.put((commit, loop))

    def _flushed(self, commit: _Commit, loop: asyncio.AbstractEventLoop) -> None:
        if self._under_way is commit:
            try:
                self._settle(commit)
            finally:
                self._go_on(loop, len(commit.done))

    def _go_on(self, loop: asyncio.AbstractEventLoop, just_done: int) -> None:
        if any(job.lasting for job in self._jobs):
            if just_done + len(self._jobs) < _CROWD:
                self._turn(loop)
            else:
                loop.call_later(_GATHER, self._turn, loop)
            return
        self._at_work = False
        if self._jobs and self._notes_due is None:
            self._notes_due = loop.call_later(_NOTES_WAIT, self._take_notes, loop)

    def _settle(self, commit: _Commit) -> None:
        self._under_way = None
        done, failure = commit.done, commit.failure
        if failure is not None:
            self._failed()
            done = [(job, None, failure) for job, _, _ in done]
        elif self._watch is not None:
            self._watch.ledger_did("write", len(done), time.perf_counter() - commit.began)
        # A loop that is closed has nobody left who waits.
        with suppress(RuntimeError):
            settle(done)

    def _failed(self) -> None:
        if self._watch is not None:
            self._watch.ledger_failed()

    def _next(self) -> _Commit | None:
        """
        Commit the operations that wait; None where there are none.

        Raises `_Locked`, and none is run, where another program has the file for itself.
        """
        while self._jobs:
            count = min(len(self._jobs), _MAX_BATCH)
            # Whoever gave up waiting has been answered 503: it must not be written.
            batch = [job for job in (self._jobs.popleft() for _ in range(count)) if job.is_waited_for]
            if not batch:
                continue
            began = time.perf_counter()
            tx = SqliteTransaction(self._connection)
            try:
                self._begin(batch)
                done = self._together(tx, batch) or self._apart(tx, batch)
                kept = self._connection.in_transaction
                if kept:
                    self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                nothing: list[Done] = [(job, None, None) for job in batch]
                self._settle(_Commit(nothing, [], began, failure=_cannot_write(error)))
                continue
            commit = _Commit(done, tx.hooks, began)
            if kept and any(job.lasting for job in batch):
                return commit
            self._settle(commit)
        return None

    def _begin(self, batch: list[Job[Any]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            self._jobs.extendleft(reversed(batch))
            raise _Locked from None

    def _together(self, tx: SqliteTransaction, batch: list[Job[Any]]) -> list[Done] | None:
        """The operations one after the other; None, and nothing of them kept, where one of them raises."""
        done: list[Done] = []
        for job in batch:
            try:
                done.append((job, job.operation(tx), None))
            except Exception as error:
                if _is_the_databases(error):
                    raise
                self._connection.execute("ROLLBACK")
                if len(batch) == 1:
                    return [(job, None, error)]
                self._connection.execute("BEGIN IMMEDIATE")
                return None
        return done

    def _apart(self, tx: SqliteTransaction, batch: list[Job[Any]]) -> list[Done]:
        """The same with a savepoint for each: what one raises leaves the others as they are."""
        tx.hooks.clear()
        done: list[Done] = [(job, *self._savepoint(tx, job)) for job in batch]
        if all(raised is not None for _, _, raised in done):
            # Nothing is to be kept: not even the pages that were put back are written.
            self._connection.execute("ROLLBACK")
        return done

    def _savepoint(self, tx: SqliteTransaction, job: Job[Any]) -> tuple[Any, BaseException | None]:
        self._connection.execute("SAVEPOINT operation")
        try:
            result = job.operation(tx)
        except Exception as error:
            if _is_the_databases(error):
                raise
            self._connection.execute("ROLLBACK TO operation")
            self._connection.execute("RELEASE operation")
            return None, error
        self._connection.execute("RELEASE operation")
        return result, None

    def _work(self) -> None:
        while (due := self._flushes.get()) is not None:
            commit, loop = due
            self._bring(commit)
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._flushed, commit, loop)

    def _bring(self, commit: _Commit) -> None:
        """Bring a commit to the disk."""
        try:
            for hook in commit.hooks:
                hook()
            self._flush(self._connection)
        except (sqlite3.Error, OSError) as error:
            commit.failure = _cannot_write(error)
        except Exception as error:
            commit.failure = error
        finally:
            commit.over.set()


def _cannot_write(error: Exception) -> TryLater:
    return TryLater(f"the ledger cannot write: {error}")


def _is_the_databases(error: Exception) -> bool:
    """Whether an error is the database's own trouble (disk full, I/O), after which no commit is kept."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError)
