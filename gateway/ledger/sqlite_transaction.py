"""What an operation on an SQLite ledger does its reading and writing with."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

from gateway.ledger.worker import Row
from gateway.outcome import Outcome, State
from gateway.rules import Verdict

_ROW_LOCK = re.compile(r" FOR UPDATE(?: OF \w+)?(?: SKIP LOCKED)?")
#: A literal, or a parameter.
_PLACES = re.compile(r"'[^']*'|:(\w+)")

# Of all but plain numbers and texts sqlite3 looks for an adapter each time, and where there is none it raises
# and catches errors on its way. These leave the values as they would be stored without.
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(bool, int)
for texts in (Outcome, State, Verdict):
    sqlite3.register_adapter(texts, attrgetter("_value_"))

Values = Callable[[Mapping[str, Any]], tuple[Any, ...]]


@lru_cache(256)
def _translated(sql: str) -> tuple[str, Values]:
    """
    A statement without its row locks and with `?` for each `:name`, and what gives the values in that order.

    By place: sqlite3 asks for the name of each parameter, each time.
    """
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        if not found[1]:
            return found[0]
        names.append(found[1])
        return "?"

    return _PLACES.sub(place, _ROW_LOCK.sub("", sql)), _values(names)


def _values(names: list[str]) -> Values:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda parameters: tuple([parameters[name] for name in names])


@lru_cache(64)
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    # Table and columns are this package's own literals. By place: a name costs a look-up for each value.
    values = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"


class SqliteTransaction:
    """See `gateway.ledger.worker.Transaction`. The writer is alone, so there is nothing to lock."""

    alone = True

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        #: For what gives no rows.
        self._cursor = connection.cursor()
        self.hooks: list[Callable[[], None]] = []

    def run(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Execute a statement; the number of rows that it changed."""
        statement, values = _translated(sql)
        return self._cursor.execute(statement, values(parameters)).rowcount

    def run_each(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement once with each of these parameters."""
        statement, values = _translated(sql)
        self._cursor.executemany(statement, map(values, parameters))

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row; its number, where the table counts its rows."""
        return self._cursor.execute(_insertion(table, tuple(row)), tuple(row.values())).lastrowid or 0

    def one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """The first row of a query."""
        # With a cursor of its own: a query with more rows ends when that goes.
        statement, values = _translated(sql)
        row: Row | None = self._connection.execute(statement, values(parameters)).fetchone()
        return row

    def all(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a query."""
        statement, values = _translated(sql)
        return self._connection.execute(statement, values(parameters)).fetchall()

    def lock(self, *texts: str) -> None:
        """Nothing: one operation is at work at a time."""

    def before_flush(self, hook: Callable[[], None]) -> None:
        """Have something done before the flush, in the thread that flushes."""
        self.hooks.append(hook)
