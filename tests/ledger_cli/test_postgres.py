"""The ledger on its way into PostgreSQL, and what the commands say of one that is there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from gateway.keyring import Change
from gateway.ledger import issuing, keychanges, owing, replicas
from gateway.ledger.postgres import PostgresLedger
from gateway.ledger.replicas import Replica
from gateway.ledger.sqlite import SqliteLedger
from gateway.secret import Secret
from tests.core.samples import NOW, ring
from tests.gateway.process import RunningGateway
from tests.ledger.samples import RULES, deliver_one, event, open_callback, rows
from tests.ledger_cli.command import Command
from tests.retention.filling import fill

#: And by what their rows are put in order.
TABLES = {
    "aliases": "1, 2, 3",
    "callbacks": "id",
    "deliveries": "id",
    "events": "id",
    "key_changes": "1, 2, 3",
    "key_ids": "id",
    "parked": "1, 2, 3",
    "replicas": "id",
}


def make(path: Path) -> dict[str, int]:
    """A ledger with something in every table; how many rows each has."""

    async def write() -> dict[str, int]:
        ledger = SqliteLedger(path)
        try:
            waiting = await open_callback(ledger, label="a\0b", metadata={"π": [1, None]})
            alias = issuing.alias(waiting.id, "shop", "pi_0", NOW, lambda _: RULES)
            await ledger.write(alias, within=10)
            await deliver_one(ledger, waiting, event(data=b'{"type":"x","y":"\x00\xff"}'))
            await deliver_one(ledger, None, event("evt_2", objects=("pi_2",)))
            key_ring = ring().noted(Change(datetime(2026, 11, 1, tzinfo=UTC), "k1", "init", "ops@host"))
            await ledger.write(keychanges.record(key_ring), within=10)
            await ledger.write(replicas.report(Replica.of("gw_1", "host:1", key_ring, None)), within=10)
            fill(path, 1200, days=10)
            return {table: (await rows(ledger, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}
        finally:
            ledger.close()

    return asyncio.run(write())


def test_every_row_is_copied_and_the_ledger_goes_on_there(command: Command, database: str) -> None:
    held = make(command.ledger)
    before = command.ledger.read_bytes()
    ended = command("copy", "--to", database)
    for table, count in held.items():
        assert f"{count} {table}" in ended.stdout
        assert f"{table}: {count} of {count}" in ended.stderr
    assert "Now set ledger.url" in ended.stdout
    assert command.ledger.read_bytes() == before

    async def look() -> None:
        source = SqliteLedger(command.ledger)
        target = PostgresLedger(Secret(database))
        try:
            for table, order in TABLES.items():
                query = f"SELECT * FROM {table} ORDER BY {order}"
                assert _plain(await rows(source, query)) == _plain(await rows(target, query)), table
            (owed,) = await target.write(owing.take(NOW + 1000, 10), within=10)
            assert owed.data == b'{"type":"x","y":"\x00\xff"}'
            found = await target.read(issuing.find(owed.callback.id))
            assert found is not None
            assert found.label == "a\0b"
            # New events are numbered after the old ones.
            await deliver_one(target, await open_callback(target), event("evt_new"))
        finally:
            source.close()
            target.close()

    asyncio.run(look())


def _plain(found: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [tuple(int(value) if isinstance(value, bool) else value for value in row) for row in found]


def test_a_database_that_is_not_empty_is_refused_and_left_alone(command: Command, database: str) -> None:
    make(command.ledger)
    target = PostgresLedger(Secret(database))
    asyncio.run(open_callback(target))
    target.close()
    refused = command("copy", "--to", database, code=1).stderr
    assert "the database is not empty: there are rows in callbacks" in refused
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM callbacks").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)


def test_a_running_gateway_is_not_copied_from(gateway: RunningGateway, database: str) -> None:
    refused = Command(gateway.directory, make=False)("copy", "--to", database, code=1).stderr
    assert "another gateway uses" in refused


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("postgresql://gateway:hunter2hunter2@db/gateway", "a password is not for a command line"),
        ("sqlite:///other.db", "a PostgreSQL database is needed"),
        ("mysql://db/gateway", "--to: "),
        ("env:NO_SUCH_VARIABLE", "there is nothing at env:NO_SUCH_VARIABLE"),
        ("postgresql://gateway@127.0.0.1:1/gateway", "Connection refused"),
    ],
)
def test_a_target_that_is_none_is_refused_with_what_would_be_right(
    command: Command, to: str, says: str
) -> None:
    make(command.ledger)
    refused = command("copy", "--to", to, code=1).stderr
    assert says in refused
    assert "hunter2" not in refused


def test_a_target_with_a_password_is_named_by_a_variable(command: Command, database: str) -> None:
    make(command.ledger)
    assert "Copied and counted" in command("copy", "--to", "env:TO", TO=database).stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("backup", "b.dump"), "pg_dump --format=custom --file=b.dump --dbname="),
        (("restore", "b.dump"), "pg_restore --clean --if-exists b.dump --dbname="),
        (("copy", "--to", "postgresql://x@y/z"), "is in PostgreSQL already"),
    ],
)
def test_with_a_ledger_in_postgresql_its_own_tools_are_named_without_the_password(
    command: Command, arguments: tuple[str, ...], says: str
) -> None:
    url = "postgresql://gateway:hunter2hunter2@db.internal:5433/ledger"
    refused = command(*arguments, code=1, GATEWAY_LEDGER__URL="env:LEDGER_URL", LEDGER_URL=url).stderr
    assert says in refused
    assert "hunter2" not in refused
    if arguments[0] != "copy":
        assert "postgresql://gateway@db.internal:5433/ledger" in refused
