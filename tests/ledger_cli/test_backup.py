"""Backups: taken while the gateway works, whole or not at all, and put back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ledger.sqlite import SqliteLedger
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import event
from tests.ledger.samples import deliver_one, open_callback
from tests.ledger.samples import event as said
from tests.ledger_cli.command import Command

Beside = Callable[..., str]


def counted(file: Path, what: str) -> int:
    """How many rows a database has."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def make(path: Path, callbacks: int = 3) -> list[str]:
    """A ledger with callbacks, the first of which has an event that is pending."""

    async def fill() -> list[str]:
        ledger = SqliteLedger(path)
        try:
            made = [await open_callback(ledger) for _ in range(callbacks)]
            await deliver_one(ledger, made[0], said())
            return [one.id for one in made]
        finally:
            ledger.close()

    return asyncio.run(fill())


def states(path: Path) -> int:
    """How many callbacks a ledger holds, opened as the gateway does."""
    ledger = SqliteLedger(path)
    ledger.close()
    return counted(path, "callbacks")


def test_a_backup_of_a_gateway_at_work_is_whole_and_of_one_moment(
    gateway: RunningGateway, beside: Beside, tmp_path: Path
) -> None:
    for _ in range(20):
        gateway.issue()
    done = threading.Event()
    answers = []

    def work() -> None:
        while not done.is_set():
            answers.append(gateway.send(gateway.issue().path, event()).status_code)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(3):
            file = tmp_path / f"backup-{number}.db"
            printed = beside("backup", str(file))
            assert printed.startswith(f"{file}: ")
            assert "checked" in printed
            assert "keep it as safe as the ledger" in printed
            assert file.stat().st_mode & 0o777 == 0o600
            with closing(sqlite3.connect(file)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
                # Every event has its delivery: no half of a commit is in it.
                orphans = "events e WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = e.delivery_id)"
                assert connection.execute(f"SELECT count(*) FROM {orphans}").fetchone() == (0,)
    finally:
        done.set()
        worker.join()
    assert set(answers) == {200}
    assert counted(tmp_path / "backup-0.db", "callbacks") >= 20
    assert sorted(file.name for file in tmp_path.iterdir() if "backup" in file.name) == [
        f"backup-{number}.db" for number in range(3)
    ]


def test_a_file_that_is_there_is_replaced_by_force_only(command: Command) -> None:
    make(command.ledger)
    file = command.folder / "backup.db"
    file.write_text("something of yours")
    refused = command("backup", "backup.db", code=1).stderr
    assert refused == "gateway: backup.db is there already; name another file, or say --force to replace it\n"
    assert file.read_text() == "something of yours"
    command("backup", "--force", "backup.db")
    assert counted(file, "callbacks") == 3


@pytest.mark.parametrize("target", ["gateway.db", "./gateway.db"])
def test_the_ledger_itself_is_never_overwritten(command: Command, target: str) -> None:
    make(command.ledger)
    assert "is the ledger itself" in command("backup", "--force", target, code=1).stderr
    assert "is the ledger itself" in command("restore", target, code=1).stderr
    assert states(command.ledger) == 3


def test_what_cannot_be_backed_up_says_why_and_leaves_nothing(command: Command) -> None:
    assert "there is no ledger at gateway.db" in command("backup", "b.db", code=1).stderr
    make(command.ledger)
    assert "No such file or directory" in command("backup", "nowhere/b.db", code=1).stderr
    with command.ledger.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 6)
    refused = command("backup", "b.db", code=1).stderr
    assert "gateway.db is damaged, a copy would be too: " in refused
    assert [file.name for file in command.folder.iterdir() if "b.db" in file.name] == []


def test_restore_puts_a_backup_back_and_keeps_what_was_there(command: Command) -> None:
    make(command.ledger, 3)
    command("backup", "backup.db")
    make(command.ledger, 2)
    printed = command("restore", "backup.db").stdout
    assert printed.startswith("gateway.db: restored: 3 callbacks, 1 deliveries, 1 of their events pending")
    assert "issued since the backup are adopted" in printed
    (aside,) = command.folder.glob("gateway.db.before-restore-*")
    assert f"is kept as {aside.name}" in printed
    assert states(command.ledger) == 3
    assert states(aside) == 5
    assert command.ledger.stat().st_mode & 0o777 == 0o600
    # Back again.
    command("restore", aside.name)
    assert states(command.ledger) == 5
    # It is not the backup itself that became the ledger.
    assert counted(command.folder / "backup.db", "callbacks") == 3


def test_restore_takes_what_a_killed_gateway_left_in_its_log_along(command: Command) -> None:
    make(command.ledger, 1)
    command("backup", "backup.db")
    script = (
        "import asyncio, os, sys; from pathlib import Path; from gateway.ledger.sqlite import SqliteLedger; "
        "from tests.ledger.samples import open_callback\n"
        "async def main():\n    await open_callback(SqliteLedger(Path(sys.argv[1])))\n    os._exit(9)\n"
        "asyncio.run(main())"
    )
    root = Path(__file__).parents[2]
    assert (
        os.spawnle(os.P_WAIT, *_python(script, command.ledger), {**os.environ, "PYTHONPATH": str(root)}) == 9
    )
    assert Path(f"{command.ledger}-wal").stat().st_size > 0
    command("restore", "backup.db")
    (aside,) = command.folder.glob("gateway.db.before-restore-*")
    assert states(command.ledger) == 1
    assert states(aside) == 2


def _python(script: str, *arguments: Path) -> list[str]:
    import sys

    return [sys.executable, sys.executable, "-c", script, *map(str, arguments)]


def test_a_damaged_ledger_is_replaced_and_kept_aside(command: Command) -> None:
    make(command.ledger)
    command("backup", "backup.db")
    command.ledger.write_bytes(b"\xff" * 20_000)
    command("restore", "backup.db")
    assert states(command.ledger) == 3
    (aside,) = command.folder.glob("gateway.db.before-restore-*")
    assert aside.read_bytes() == b"\xff" * 20_000


def test_a_ledger_that_is_lost_is_restored(command: Command) -> None:
    make(command.ledger)
    command("backup", "backup.db")
    for file in command.folder.glob("gateway.db*"):
        file.unlink()
    assert "kept as" not in command("restore", "backup.db").stdout
    assert states(command.ledger) == 3
    assert list(command.folder.glob("*before-restore*")) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no backup at"),
        (b"text, no database" * 300, "is damaged"),
        (b"", "no gateway's ledger"),
    ],
    ids=["missing", "no database", "empty"],
)
def test_what_is_no_backup_is_refused_and_nothing_changes(
    command: Command, content: bytes | None, says: str
) -> None:
    make(command.ledger)
    if content is not None:
        (command.folder / "backup.db").write_bytes(content)
    before = command.ledger.read_bytes()
    assert says in command("restore", "backup.db", code=1).stderr
    assert command.ledger.read_bytes() == before
    left = {file.name for file in command.folder.iterdir()} - {"backup.db"}
    assert left == {"gateway.toml", "gateway.db", "gateway.db.lock"}


def test_a_backup_of_a_newer_gateway_is_refused(command: Command) -> None:
    make(command.ledger)
    command("backup", "backup.db")
    with closing(sqlite3.connect(command.folder / "backup.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer gateway" in command("restore", "backup.db", code=1).stderr
    assert states(command.ledger) == 3


def test_restore_refuses_while_a_gateway_runs(
    gateway: RunningGateway, beside: Beside, tmp_path: Path
) -> None:
    issued = gateway.issue()
    beside("backup", str(tmp_path / "backup.db"))
    refused = beside("restore", str(tmp_path / "backup.db"), code=1)
    assert "another gateway uses" in refused
    assert gateway.send(issued.path, event()).json() == {"outcome": "completed"}


def test_after_a_restore_what_was_issued_since_is_adopted(
    gateway: RunningGateway, beside: Beside, tmp_path: Path
) -> None:
    known = gateway.issue()
    beside("backup", str(tmp_path / "backup.db"))
    unknown = gateway.issue()
    gateway.part.stop()
    beside("restore", str(tmp_path / "backup.db"))
    gateway.start()
    for issued in (known, unknown):
        assert gateway.send(issued.path, event()).json() == {"outcome": "completed"}
    assert gateway.callback(unknown.id)["adopted"]
    assert not gateway.callback(known.id)["adopted"]
