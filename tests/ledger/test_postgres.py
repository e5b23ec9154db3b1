"""PostgreSQL: what is flushed, who waits for whom, what happens while the server is away, slow or full."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from gateway.errors import ConfigurationError, Invalid, TryLater
from gateway.ledger import Ledger, connect, issuing, look
from gateway.ledger.migrate import HEAD
from gateway.ledger.postgres import COUNTED
from gateway.ledger.worker import Operation, Transaction
from gateway.secret import Secret
from gateway.targets import WorkflowPromise
from stack.part import ROOT
from stack.postgres import Postgres
from tests.core.samples import NOW
from tests.ledger.samples import callback, deliver, deliver_one, event, issue, open_callback, rows, state_of

#: An answer is promised after so long; what is above it is this machine's.
WRITE, SLACK = 0.4, 0.4


@pytest.fixture
def url(postgres: Postgres, migrated: str) -> str:
    """The URL of an empty ledger."""
    return postgres.url(postgres.new_database(migrated))


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = connect(Secret(url))
    yield opened
    opened.close()


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A server of the test's own, to be killed and frozen."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_ledger(own_server: Postgres) -> Iterator[Ledger]:
    """An empty ledger on a server of the test's own."""
    opened = connect(Secret(own_server.tcp_url(own_server.new_database())))
    yield opened
    opened.close()


def put(name: str) -> Operation[str]:
    """An operation that writes one row."""

    def operation(tx: Transaction) -> str:
        tx.insert("aliases", {"source": "s", "alias": name, "callback_id": "cb", "created_at": 1})
        return name

    return operation


def execute(sql: str) -> Operation[int]:
    """An operation that executes a statement."""
    return lambda tx: tx.run(sql, {})


async def names(ledger: Ledger) -> set[str]:
    """What `put` has written."""
    return {row[0] for row in await rows(ledger, "SELECT alias FROM aliases")}


async def setting(ledger: Ledger, name: str) -> str:
    """A setting of the server's, as an operation that writes finds it."""
    found = await ledger.write(lambda tx: tx.one(f"SHOW {name}", {}), within=10)
    assert found is not None
    return str(found[0])


async def refused(ledger: Ledger) -> float:
    """How long it takes to be told that nothing can be written now."""
    start = time.monotonic()
    with pytest.raises(TryLater):
        await ledger.write(put("refused"))
    return time.monotonic() - start


async def healed(ledger: Ledger, seconds: float = 10.0) -> float:
    """How long it takes until something can be written again."""
    start = time.monotonic()
    while True:
        try:
            await ledger.write(put("healed"))
        except TryLater:
            assert time.monotonic() - start < seconds
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - start


async def test_each_commit_is_flushed_whatever_the_role_says(postgres: Postgres, url: str) -> None:
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
        connection.execute(
            f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'".encode()
        )
    ledger = connect(Secret(url))
    try:
        assert await setting(ledger, "synchronous_commit") == "on"
        assert await setting(ledger, "transaction_isolation") == "read committed"
        # What is waited for, and no longer than the caller waits.
        found = await ledger.write(lambda tx: tx.one("SHOW statement_timeout", {}), within=0.4)
        assert found is not None
        assert 0 < int(found[0].removesuffix("ms")) <= 401
    finally:
        ledger.close()


async def test_an_operation_that_fails_leaves_nothing_and_its_neighbours_alone(ledger: Ledger) -> None:
    def half(tx: Transaction) -> None:
        put("half")(tx)
        raise Invalid("no")

    results = await asyncio.gather(
        *(ledger.write(one, within=10) for one in (put("one"), half, put("two"))), return_exceptions=True
    )
    assert [type(result) for result in results] == [str, Invalid, str]
    assert await names(ledger) == {"one", "two"}


async def test_text_that_no_database_takes_fails_its_own_operation_only(ledger: Ledger) -> None:
    with pytest.raises(UnicodeEncodeError):
        await ledger.write(put("\ud800"), within=10)
    await ledger.write(put("nul\0inside"), within=10)
    assert await names(ledger) == {"nul\0inside"}


async def test_a_row_has_its_values_by_name_and_in_order(ledger: Ledger) -> None:
    row = await ledger.read(
        lambda tx: tx.one("SELECT 'a%' AS one, :two AS two, CAST('3' AS int)::text AS one", {"two": "b"})
    )
    assert row is not None
    assert (row["one"], row["two"], row[2], tuple(row)) == ("a%", "b", "3", ("a%", "b", "3"))
    assert dict(row) == {"one": "a%", "two": "b"}


async def test_a_query_sees_one_moment_and_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(TryLater):
        await ledger.read(execute("DELETE FROM aliases"))
    assert await names(ledger) == set()


async def test_the_tables_that_count_their_rows_are_known(ledger: Ledger) -> None:
    found = await rows(
        ledger,
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'id' "
        "AND column_default LIKE 'nextval%'",
    )
    assert {row[0] for row in found} == COUNTED


async def test_the_longest_keys_that_are_taken_fit_the_indexes(ledger: Ledger) -> None:
    # An index entry holds 2,704 bytes; the reader takes ids of 512 characters, four bytes each at worst.
    long = "".join(chr(0x1F300 + number) for number in range(64))
    waiting = callback(target=WorkflowPromise("W" * 60, long, long), label=long * 3, source="s" * 32)
    await issue(ledger, waiting, "k" * 200)
    ident = "".join(chr(0x20000 + number * 7) for number in range(512))
    (disposed,) = await deliver(ledger, waiting, event(ident), source="s" * 32)
    assert disposed.outcome == "pending"


async def test_who_waits_for_a_lock_is_answered_in_time_and_the_lock_s_end_heals(
    ledger: Ledger, url: str
) -> None:
    waiting = await open_callback(ledger)
    with psycopg.connect(url) as other:
        other.execute("SELECT * FROM callbacks FOR UPDATE")
        start = time.monotonic()
        with pytest.raises(TryLater, match="did not answer in time"):
            await ledger.write(issuing.close(waiting.id, "shop", NOW))
        assert time.monotonic() - start < WRITE + SLACK
        other.rollback()
    assert await ledger.write(issuing.close(waiting.id, "shop", NOW), within=5) == "closed"


async def test_operations_that_lock_each_other_out_are_run_again(ledger: Ledger) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    touch = "UPDATE callbacks SET sequence = sequence + 1 WHERE id = :id"

    def both(one: str, other: str) -> Operation[None]:
        def operation(tx: Transaction) -> None:
            tx.run(touch, {"id": one})
            time.sleep(0.3)
            tx.run(touch, {"id": other})

        return operation

    await asyncio.gather(
        ledger.write(both(first.id, second.id), within=20), ledger.write(both(second.id, first.id), within=20)
    )
    assert await rows(ledger, "SELECT sequence FROM callbacks") == [(2,), (2,)]


async def test_a_connection_that_the_server_ends_is_replaced_unnoticed(ledger: Ledger, url: str) -> None:
    await asyncio.gather(*(ledger.write(put(f"{number}"), within=10) for number in range(20)))
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'gateway' AND datname = current_database()"
        )
    assert await ledger.write(put("after"), within=5) == "after"


async def test_a_standby_that_does_not_confirm_is_try_later(own_server: Postgres, own_ledger: Ledger) -> None:
    with psycopg.connect(own_server.url("postgres"), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'absent'")
        admin.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.3)
    assert await refused(own_ledger) < WRITE + SLACK


async def test_a_table_that_is_away_for_a_restore_is_try_later_and_heals(ledger: Ledger, url: str) -> None:
    await ledger.write(put("before"), within=10)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER TABLE aliases RENAME TO gone")
    assert await refused(ledger) < WRITE + SLACK
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER TABLE gone RENAME TO aliases")
    await healed(ledger)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_a_server_that_is_away_is_answered_in_time_and_heals_without_a_restart(
    own_server: Postgres, own_ledger: Ledger, fault: str
) -> None:
    waiting = await open_callback(own_ledger)
    acknowledged: list[str] = []
    slowest = 0.0
    stop = asyncio.Event()

    async def write(number: int) -> None:
        nonlocal slowest
        count = 0
        while not stop.is_set():
            count += 1
            start = time.monotonic()
            try:
                acknowledged.append(await own_ledger.write(put(f"{number}-{count}")))
            except TryLater:
                await asyncio.sleep(0.02)
            slowest = max(slowest, time.monotonic() - start)

    writers = [asyncio.create_task(write(number)) for number in range(10)]
    await asyncio.sleep(0.5)
    await asyncio.to_thread(getattr(own_server, fault))
    await asyncio.sleep(1)
    during = len(acknowledged)
    await asyncio.sleep(2)
    assert len(acknowledged) == during
    assert await refused(own_ledger) < WRITE + SLACK
    assert slowest < WRITE + SLACK
    # In this thread, with which it is to end; the writers stand still meanwhile.
    (own_server.start if fault == "kill" else own_server.thaw)()
    took = await healed(own_ledger)
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.gather(*writers)
    assert len(acknowledged) > during > 0
    assert set(acknowledged) <= await names(own_ledger)
    assert took < 5
    assert (await deliver_one(own_ledger, waiting, event())).outcome == "pending"


_START = """
import sys
from gateway.ledger import connect
from gateway.secret import Secret
connect(Secret(sys.argv[1])).close()
"""


def test_replicas_that_start_at_once_on_an_empty_database_make_the_tables_once(database: str) -> None:
    def start(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _START, database], capture_output=True, text=True, cwd=ROOT, check=False
        )

    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(start, range(4)))
    assert [(one.returncode, one.stderr) for one in started] == [(0, "")] * 4
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_a_ledger_that_is_up_to_date_opens_without_alembic(url: str) -> None:
    script = f"{_START}\nprint('alembic' in sys.modules, 'sqlalchemy' in sys.modules)"
    again = subprocess.run(
        [sys.executable, "-c", script, url], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert again.stdout == "False False\n"


def test_a_ledger_of_a_newer_gateway_is_refused_and_left_alone(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match=f"schema 9999, this one knows {HEAD}"):
        connect(Secret(url))


async def test_ops_may_look_beside_a_gateway(ledger: Ledger, url: str, database: str) -> None:
    waiting = await open_callback(ledger, expires_at=2_000_000_000)
    (need,) = look(Secret(url), issuing.needing("k1", NOW)) or []
    assert (need.client, need.callbacks) == ("shop", 1)
    assert await state_of(ledger, waiting) == "open"
    # Nobody has started a gateway on this one.
    assert look(Secret(database), issuing.needing("k1", NOW)) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: f"{url}_not_there", "does not exist"),
        (lambda url: "postgresql://u:hunter2hunter2@127.0.0.1:1/x", "refused"),
        (lambda url: "postgresql://u:hunter2hunter2@127.0.0.1:1/x?nonsense=1", "this is no PostgreSQL URL"),
        (lambda url: "postgresql://u:hunter2hunter2@127.0.0.1:99999/x", "ledger.url: "),
    ],
)
def test_a_database_that_cannot_be_had_is_refused_by_name(
    database: str, change: Callable[[str], str], says: str
) -> None:
    for refuse in (connect, lambda secret: look(secret, issuing.needing("k1", NOW))):
        with pytest.raises(ConfigurationError) as caught:
            refuse(Secret(change(database)))
        assert str(caught.value).startswith("ledger.url: ")
        assert says in str(caught.value)
        assert "hunter2" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_database_of_another_encoding_is_refused(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(ConfigurationError, match="encoding is LATIN1; one in UTF8 is needed"):
        connect(Secret(postgres.url("latin")))


async def test_a_ledger_does_not_show_its_password(url: str) -> None:
    address = Secret(url.replace("postgres@", "postgres:hunter2hunter2@"))
    ledger = connect(address)
    try:
        assert "hunter2" not in f"{ledger!r} {vars(ledger)!r} {address!r}"
        with pytest.raises(TryLater) as caught:
            await ledger.write(execute("SELECT * FROM nothing"), within=5)
        assert "hunter2" not in repr(caught.value)
    finally:
        ledger.close()
