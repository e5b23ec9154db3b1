"""
The ledger in a PostgreSQL database, which several gateway replicas share.

Each operation is a transaction of its own on one of a few connections: PostgreSQL itself shares a flush of
its log between them, and operations of two replicas that shared transactions would wait for each other's
locks. `synchronous_commit=on`: a commit is flushed before it returns
(https://www.postgresql.org/docs/current/wal-async-commit.html).
"""

from __future__ import annotations

import hashlib
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal, NoReturn

import psycopg
from psycopg import errors

from gateway.errors import ConfigurationError, GatewayError, TryLater
from gateway.ledger.migrate import migrate_postgres
from gateway.ledger.worker import WRITE_TIMEOUT, Done, Job, Jobs, Operation, Raced, Result, Row, Watch, tell
from gateway.log import logger
from gateway.secret import Secret

#: Connections of one gateway. More would not be faster: the flush of the log is shared already.
_WRITERS, _READERS = 4, 2
#: How often an operation is run that other transactions came in between of.
_TRIES = 8
#: Past an operation's deadline PostgreSQL has so long to say so itself before its connection is given up.
_GRACE = 0.5
#: Texts are locked by a number of so many: one transaction holds at most that many of the server's locks.
_LOCKS = 1024
#: Of our own among the advisory locks of a database.
_LOCK_CLASS = 0x77680001
#: The tables that count their rows.
COUNTED = frozenset({"events"})
#: PostgreSQL's text has no NUL. A code point that Unicode leaves to programs stands for it.
_NUL = "\ufdd0"
#: A literal, a cast, a parameter, or what psycopg takes for one.
_PLACES = re.compile(r"'[^']*'|::|:(\w+)|%")

_PARAMETERS: dict[str, Any] = {
    # libpq waits no shorter; callers have been answered by then.
    "connect_timeout": 2,
    "client_encoding": "utf8",
    "application_name": "gateway",
    # A machine that went away without a word is noticed.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
#: Somebody else's transaction came first.
_RACED = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure, Raced)
_WRITING = "ISOLATION LEVEL READ COMMITTED READ WRITE"
_READING = "ISOLATION LEVEL REPEATABLE READ READ ONLY"


@lru_cache(256)
def _translated(sql: str) -> str:
    """A statement with `:name` as psycopg wants it, `%(name)s`."""

    def place(found: re.Match[str]) -> str:
        return f"%({found[1]})s" if found[1] else found[0].replace("%", "%%")

    return _PLACES.sub(place, sql)


class _Row:
    """Values in order, each also by its column's name."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: dict[str, int], values: list[Any]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        return self._values[self._places[key] if isinstance(key, str) else key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def keys(self) -> Iterable[str]:
        """The columns' names."""
        return self._places.keys()


def _rows(cursor: psycopg.Cursor[Any]) -> Callable[[Iterable[Any]], Row]:
    """psycopg's row factory for `_Row`; of two columns with one name the first counts."""
    names = [column.name for column in cursor.description or ()]
    places = {name: place for place, name in reversed(list(enumerate(names)))}

    def make(values: Iterable[Any]) -> Row:
        return _Row(
            places, [v.replace(_NUL, "\0") if isinstance(v, str) and _NUL in v else v for v in values]
        )

    return make


def _storable(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace("\0", _NUL) if isinstance(value, str) and "\0" in value else value
        for name, value in parameters.items()
    }


def _with_nul(value: Any) -> Any:
    return value.replace(_NUL, "\0") if isinstance(value, str) and _NUL in value else value


class _Connection(psycopg.Connection[Row]):
    """A connection that waits for its server until a deadline only, whatever the network does."""

    deadline: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Run one exchange with the server; an OperationalError where it takes too long."""
        if timeout is None and self.deadline is not None:
            timeout = max(self.deadline - time.monotonic(), 0.001)
        return super().wait(gen, interval, timeout)


class PostgresTransaction:
    """See `gateway.ledger.worker.Transaction`."""

    alone = False

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection
        self.hooks: list[Callable[[], None]] = []

    def run(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Execute a statement; the number of rows that it changed."""
        return self._execute(_translated(sql), parameters).rowcount

    def run_each(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement once with each of these parameters, without waiting in between."""
        if parameters:
            self._connection.cursor().executemany(_translated(sql).encode(), map(_storable, parameters))

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row; its number, where the table counts its rows."""
        names = ", ".join(row)
        values = ", ".join(f"%({name})s" for name in row)
        number = " RETURNING id" if table in COUNTED else ""
        # Table and columns are this package's own literals.
        cursor = self._execute(f"INSERT INTO {table} ({names}) VALUES ({values}){number}", row)
        inserted = cursor.fetchone() if number else None
        return int(inserted[0]) if inserted else 0

    def one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """The first row of a query."""
        return self._execute(_translated(sql), parameters).fetchone()

    def all(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a query."""
        return self._execute(_translated(sql), parameters).fetchall()

    def lock(self, *texts: str) -> None:
        """
        Wait until no other operation holds a lock on one of these texts, and hold them until the end.

        Always in the same order. Two texts may share a lock: then one waits for the other in vain, a moment.
        """
        numbers = {int.from_bytes(hashlib.sha256(t.encode()).digest()[:4], "big") % _LOCKS for t in texts}
        if numbers:
            self._execute(
                "SELECT pg_advisory_xact_lock(%(class)s::int, number) "
                "FROM unnest(%(numbers)s::int[]) AS locks(number)",
                {"class": _LOCK_CLASS, "numbers": sorted(numbers)},
            )

    def before_flush(self, hook: Callable[[], None]) -> None:
        """Have something done before the commit, which is flushed, in the thread that commits."""
        self.hooks.append(hook)

    def _execute(self, sql: str, parameters: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        return self._connection.execute(sql.encode(), _storable(parameters))


class _Health:
    """Says once in the log that the database is away, and once that it is back."""

    def __init__(self, conninfo: Secret) -> None:
        self._conninfo = conninfo
        self._away = False

    def away(self, error: psycopg.Error) -> None:
        """The database could not be reached or did not do as it was told."""
        if not self._away:
            self._away = True
            logger.error("the ledger's database is away", reason=_reason(error, self._conninfo))

    def back(self) -> None:
        """An operation was committed."""
        if self._away:
            self._away = False
            logger.info("the ledger's database is back")


class _Session:
    """One thread's connection, made when it is needed and replaced when it is broken."""

    def __init__(self, conninfo: Secret, kind: str, health: _Health) -> None:
        self._conninfo = conninfo
        self._kind = kind
        self._health = health
        self._connection: _Connection | None = None
        self._warned = False

    def perform(self, job: Job[Result]) -> Result:
        """
        The operation's result, committed.

        Raises what the operation raises, and `TryLater` where the database is away, slow or full.
        """
        for attempt in range(1, _TRIES + 1):
            new = self._connection is None
            try:
                result = self._once(job)
                self._health.back()
                return result
            except (
                errors.UniqueViolation,
                errors.DeadlockDetected,
                errors.SerializationFailure,
                Raced,
            ) as error:
                # What the other transaction wrote is seen the next time.
                last: Exception = error
                time.sleep(random.uniform(0, 0.002) * attempt)  # noqa: S311  # apart from each other
            except (psycopg.IntegrityError, psycopg.DataError):
                raise
            except (errors.QueryCanceled, errors.LockNotAvailable):
                raise TryLater("the ledger did not answer in time") from None
            except psycopg.Error as error:
                # Its connection is broken, its server a standby by now, its plans outdated, its disk full.
                self.close()
                if new or isinstance(error, errors.ConnectionTimeout):
                    self._away(error)
                last = error
            if time.monotonic() > job.deadline:
                break
        if isinstance(last, errors.UniqueViolation):
            raise last
        raise TryLater("the ledger did not answer in time") from None

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def open(self) -> _Connection:
        """The connection; raises a psycopg.Error where it can't be had."""
        if self._connection is None:
            self._connection = connect(self._conninfo)
            self._connection.add_notice_handler(self._notice)
        return self._connection

    def _once(self, job: Job[Result]) -> Result:
        connection = self.open()
        left = max(job.deadline - time.monotonic(), 0.001)
        connection.deadline = job.deadline + _GRACE
        # One exchange. What a pooler in between or the role's own settings say does not count.
        connection.execute(
            f"BEGIN {self._kind}; SET LOCAL synchronous_commit = {'on' if job.lasting else 'off'}; "
            f"SET LOCAL statement_timeout = {int(left * 1000) + 1}; "
            "SET LOCAL idle_in_transaction_session_timeout = 60000".encode(),
            prepare=False,
        )
        try:
            tx = PostgresTransaction(connection)
            result = job.operation(tx)
            for hook in tx.hooks:
                hook()
        except BaseException:
            with suppress(psycopg.Error):
                connection.execute(b"ROLLBACK", prepare=False)
            raise
        self._warned = False
        try:
            connection.execute(b"COMMIT", prepare=False)
        except psycopg.Error as error:
            # Nobody knows whether it is committed: to run it again is for whoever asked.
            self.close()
            self._away(error)
        if self._warned:
            # Written here, but a standby that was to have it too has not confirmed it in time.
            raise TryLater("the ledger's standby did not answer in time")
        return result

    def _away(self, error: psycopg.Error) -> NoReturn:
        self._health.away(error)
        raise TryLater(f"the ledger's database is away or full ({type(error).__name__})") from None

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        self._warned = self._warned or notice.severity_nonlocalized == "WARNING"


class _Pool:
    """Threads with a connection each that run operations, each in a transaction of its own."""

    def __init__(
        self,
        conninfo: Secret,
        kind: Literal["read", "write"],
        threads: int,
        health: _Health,
        watch: Watch | None,
    ) -> None:
        self._jobs = Jobs(kind, watch)
        isolation = {"read": _READING, "write": _WRITING}[kind]
        self._sessions = [_Session(conninfo, isolation, health) for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._work, args=(session,), name=f"ledger-{kind}r-{number}", daemon=True)
            for number, session in enumerate(self._sessions)
        ]
        for thread in self._threads:
            thread.start()

    async def run(
        self,
        operation: Operation[Result],
        within: float | None,
        lasting: bool = True,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """The operation's result, once it is committed; see `Jobs.run`."""
        return await self._jobs.run(operation, within, lasting, late)

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        self._jobs.end(len(self._threads))
        for thread in self._threads:
            thread.join()

    def _work(self, session: _Session) -> None:
        while (job := self._jobs.next()) is not None:
            # Whoever gave up waiting before its turn has been answered 503: it must not be written.
            if not job.begin():
                continue
            began = time.perf_counter()
            try:
                done: Done = (job, session.perform(job), None)
            except BaseException as error:
                if isinstance(error, TryLater):
                    self._jobs.failed()
                done = (job, None, error)
            else:
                self._jobs.did(1, time.perf_counter() - began)
            tell([done])
        session.close()


class PostgresLedger:
    """
    The ledger: `write` runs an operation in a flushed transaction, `read` one on a snapshot.

    Raises `ConfigurationError` where the database can't be reached at start or is of another kind.
    """

    exclusive = False

    def __init__(self, conninfo: Secret, watch: Watch | None = None) -> None:
        migrate_postgres(lambda: _opened(conninfo))
        health = _Health(conninfo)
        self._writers = _Pool(conninfo, "write", _WRITERS, health, watch)
        self._readers = _Pool(conninfo, "read", _READERS, health, watch)

    async def write(
        self,
        operation: Operation[Result],
        within: float | None = WRITE_TIMEOUT,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """The operation's result once it is flushed; `TryLater`, and `late` told, where that took longer."""
        return await self._writers.run(operation, within, late=late)

    async def note(self, operation: Operation[Result], within: float | None = WRITE_TIMEOUT) -> Result:
        """The same without the flush: for what may be lost with the next power cut."""
        return await self._writers.run(operation, within, lasting=False)

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """The result of an operation that only reads; `TryLater` where it can't be had in time."""
        return await self._readers.run(operation, within)

    def size(self) -> None:
        """The database is its server's: nothing is known of its size."""

    def close(self) -> None:
        """Finish what was submitted and let go of the connections."""
        self._writers.close()
        self._readers.close()


def look(conninfo: Secret, operation: Operation[Result]) -> Result | None:
    """
    The result of an operation that only reads, beside the gateways that use the database; None where there
    is no ledger in it yet.

    Raises `ConfigurationError` where it can't be had.
    """
    with _opened(conninfo) as connection:
        if connection.execute("SELECT to_regclass('callbacks')").fetchone() == (None,):
            return None
    session = _Session(conninfo, _READING, _Health(conninfo))
    try:
        return session.perform(Job(operation, 30))
    except GatewayError as error:
        raise ConfigurationError(f"ledger.url: {error.detail}") from None
    finally:
        session.close()


def connect(conninfo: Secret) -> _Connection:
    """A connection as the ledger needs it; raises a psycopg.Error where it can't be had."""
    return _Connection.connect(conninfo.reveal().decode(), autocommit=True, row_factory=_rows, **_PARAMETERS)


def _opened(conninfo: Secret) -> psycopg.Connection[Any]:
    """A plain connection to a database that can hold a ledger; raises `ConfigurationError`."""
    try:
        connection = psycopg.connect(conninfo.reveal().decode(), **_PARAMETERS)
    except psycopg.Error as error:
        raise ConfigurationError(f"ledger.url: {_reason(error, conninfo)}") from None
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        raise ConfigurationError(
            f"ledger.url: the database's encoding is {encoding}; one in UTF8 is needed "
            "(CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)"
        )
    return connection


def _reason(error: psycopg.Error, conninfo: Secret) -> str:
    """What PostgreSQL or its library says, in one line and without the password."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        # The library's words about a URL that it can't read may hold any part of it.
        text = "this is no PostgreSQL URL: postgresql://user@host/database is needed"
    with suppress(psycopg.Error):
        password = psycopg.conninfo.conninfo_to_dict(conninfo.reveal().decode()).get("password")
        if password:
            text = text.replace(str(password), "…")
    return text
