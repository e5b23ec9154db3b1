"""An SQLite ledger moved into a PostgreSQL database, so that several gateways can share it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.errors import ConfigurationError, TryLater
from gateway.ledger.postgres import PostgresLedger
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.worker import Transaction
from gateway.secret import Secret

#: Rows in one transaction.
_BATCH = 500
#: A batch may wait so long for a database that is far away.
_PATIENCE = 60.0

Progress = Callable[[str, int, int], None]


async def move(ledger: Path, to: Secret, progress: Progress) -> dict[str, int]:
    """
    Copy every row of a ledger into an empty database; how many each table has there then.

    `progress` is told a table, how many of its rows are copied, and how many there are. The SQLite file is
    left as it is. Raises `ConfigurationError` where a gateway uses it, where the database holds something
    already, where it goes away, and where the counts differ at the end.
    """
    _check(ledger)
    # Whoever owns the file keeps gateways away from it, and has brought its schema up to date.
    source = SqliteLedger(ledger)
    try:
        target = PostgresLedger(to)
        try:
            with closing(sqlite3.connect(ledger)) as reading:
                reading.row_factory = sqlite3.Row
                return await _copy(reading, target, progress)
        except TryLater as error:
            raise ConfigurationError(
                f"{error.detail}; the copy is not complete: empty the database and start again"
            ) from None
        finally:
            target.close()
    finally:
        source.close()


def _check(ledger: Path) -> None:
    if not ledger.exists():
        raise ConfigurationError(f"there is no ledger at {ledger}; ledger.url names it")


async def _copy(reading: sqlite3.Connection, target: PostgresLedger, progress: Progress) -> dict[str, int]:
    tables = [
        row[0]
        for row in reading.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
            "AND name != 'alembic_version' ORDER BY name"
        )
    ]
    filled = [table for table, count in (await _counts(target, tables)).items() if count]
    if filled:
        raise ConfigurationError(
            f"the database is not empty: there are rows in {', '.join(filled)}; a ledger is copied into an "
            "empty one only"
        )
    held = {}
    for table in tables:
        held[table] = reading.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        booleans = await target.read(_booleans(table), _PATIENCE)
        copied = 0
        progress(table, copied, held[table])
        for batch in _batches(reading, table, booleans):
            await target.write(_insert(table, batch), _PATIENCE)
            copied += len(batch)
            progress(table, copied, held[table])
    await target.write(_number_on, _PATIENCE)
    found = await _counts(target, tables)
    if found != held:
        raise ConfigurationError(
            f"the copy is not whole: {held} rows there, {found} here; empty the database and start again"
        )
    return found


def _batches(
    reading: sqlite3.Connection, table: str, booleans: frozenset[str]
) -> Iterator[list[dict[str, Any]]]:
    cursor = reading.execute(f"SELECT * FROM {table}")
    while rows := cursor.fetchmany(_BATCH):
        yield [
            # SQLite has numbers for them.
            {name: bool(row[name]) if name in booleans else row[name] for name in row.keys()}  # noqa: SIM118
            for row in rows
        ]


def _booleans(table: str) -> Callable[[Transaction], frozenset[str]]:
    def operation(tx: Transaction) -> frozenset[str]:
        rows = tx.all(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND table_name = :table AND data_type = 'boolean'",
            {"table": table},
        )
        return frozenset(row["column_name"] for row in rows)

    return operation


def _insert(table: str, rows: Sequence[dict[str, Any]]) -> Callable[[Transaction], None]:
    def operation(tx: Transaction) -> None:
        for row in rows:
            tx.insert(table, row)

    return operation


def _number_on(tx: Transaction) -> None:
    """Have new events numbered after those that were copied."""
    tx.all(
        "SELECT setval(pg_get_serial_sequence('events', 'id'), COALESCE(max(id), 0) + 1, false) FROM events",
        {},
    )


async def _counts(target: PostgresLedger, tables: Sequence[str]) -> dict[str, int]:
    def operation(tx: Transaction) -> dict[str, int]:
        counts = {}
        for table in tables:
            row = tx.one(f"SELECT count(*) AS rows FROM {table}", {})
            counts[table] = int(row["rows"]) if row else 0
        return counts

    return await target.read(operation, _PATIENCE)
