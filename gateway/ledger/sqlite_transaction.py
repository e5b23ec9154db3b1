"""What an operation on an SQLite ledger does its reading and writing with."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from gateway.ledger.worker import Row

_ROW_LOCK = re.compile(r" FOR UPDATE(?: OF \w+)?(?: SKIP LOCKED)?")


@lru_cache(256)
def _without_locks(sql: str) -> str:
    return _ROW_LOCK.sub("", sql)


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
        self.hooks: list[Callable[[], None]] = []

    def run(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Execute a statement; the number of rows that it changed."""
        return self._connection.execute(_without_locks(sql), parameters).rowcount

    def run_each(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement once with each of these parameters."""
        self._connection.executemany(_without_locks(sql), parameters)

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row; its number, where the table counts its rows."""
        cursor = self._connection.execute(_insertion(table, tuple(row)), tuple(row.values()))
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

    def before_flush(self, hook: Callable[[], None]) -> None:
        """Have something done before the flush, in the thread that flushes."""
        self.hooks.append(hook)
