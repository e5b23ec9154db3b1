"""`gateway check`: what would keep a gateway from starting or working, found before it is started."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import keyfile
from gateway.ledger import connect
from gateway.secret import Secret
from stack.ports import free_ports
from stack.postgres import Postgres
from stack.restate import Restate
from tests.cli import command
from tests.cli.conftest import Console
from tests.core.samples import ring
from tests.doctor.conftest import healthy
from tests.gateway.ingress import FakeIngress

Check = Callable[..., dict[str, list[tuple[str, str]]]]


@pytest.fixture
def ingress() -> Iterator[FakeIngress]:
    """A healthy Restate, as ingress and as admin API."""
    server = FakeIngress()
    server.react = healthy
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sound(tmp_path: Path, ingress: FakeIngress) -> Path:
    """A configuration with which all is well; the file."""
    public, internal = free_ports(2)
    keyfile.save(tmp_path / "keys.json", ring())
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'public_url = "https://localhost"\n[listen]\npublic = "127.0.0.1:{public}"\n'
        f'internal = "127.0.0.1:{internal}"\n[restate]\ningress_urls = ["{ingress.url}"]\n'
        f'admin_url = "{ingress.url}"\n[ledger]\nurl = "sqlite:///gateway.db"\n'
        f'[clients.ops]\ntoken_sha256 = "{"0" * 64}"\nops = true\n'
        '[sources.mailer]\nprovider = "unsigned"\n'
    )
    return file


@pytest.fixture
def check(sound: Path) -> Check:
    """Run it on the configuration, with a text of it replaced; what was found by what was looked at."""

    def run(
        replace: str = "", by: str = "", code: int = 0, **environ: str
    ) -> dict[str, list[tuple[str, str]]]:
        text = sound.read_text()
        assert replace in text
        sound.write_text(text.replace(replace, by, 1))
        shown = command.run(sound.parent, "check", "--json", code=code, **environ).stdout
        found: dict[str, list[tuple[str, str]]] = {}
        for one in json.loads(shown):
            assert (one["level"] == "ok") == (one["remedy"] == "")
            found.setdefault(one["check"], []).append((one["level"], one["text"]))
        return found

    return run


def test_a_sound_configuration_is_ok_throughout(check: Check, sound: Path) -> None:
    found = check()
    assert {level for lines in found.values() for level, _ in lines} == {"ok"}
    assert sorted(found) == [
        *("clients", "keys", "ledger", "listen.internal", "listen.public", "public_url", "restate"),
        *("settings", "sources"),
    ]
    assert sorted(os.listdir(sound.parent)) == ["gateway.toml", "keys.json"], "it makes nothing"
    shown = command.run(sound.parent, "check").stdout
    assert "k1 is primary" in shown
    assert shown.endswith("10 looked at, 0 failed, 0 to look at.\n")


@pytest.mark.parametrize(
    ("replace", "by", "name", "level", "words"),
    [
        ('"https://localhost"', '"ftp://x"', "settings", "fail", "public_url: an address such as"),
        ("[ledger]\n", "[ledger]\nkeep_row = 1\n", "settings", "fail", "did you mean keep_rows"),
        ("[ledger]\n", '[ledger]\nkeep_rows = "1d"\n', "sources", "fail", "ledger.keep_rows"),
        ('"https://localhost"', '"http://192.0.2.1"', "public_url", "fail", "without TLS"),
        ('"https://localhost"', '"https://nowhere.invalid"', "public_url", "warn", "has no address"),
        ('"https://localhost"', '"https://localhost/hooks"', "public_url", "ok", "https://localhost/hooks"),
        ("[clients.ops]", "[clients.shop]", "clients", "ok", "1; ops: shop"),
        ('"unsigned"', '"stripe"', "sources", "warn", "mailer is closed"),
        (
            '"unsigned"',
            '"stripe"\nsecrets = ["env:NOT_THERE"]',
            "sources",
            "warn",
            "env:NOT_THERE is not there",
        ),
        ('"unsigned"', '"stripe"\nsecrets = ["changeme"]', "sources", "fail", "is a placeholder"),
        ("sqlite:///gateway.db", "sqlite:///keys.json/gateway.db", "ledger", "fail", "is no folder"),
        ("sqlite:///gateway.db", "sqlite:///keys.json", "ledger", "fail", "file is not a database"),
        ("sqlite:///gateway.db", "env:NO_LEDGER", "ledger", "fail", "there is nothing at env:NO_LEDGER"),
        ("[ledger]", 'auth_token = "env:NO_TOKEN"\n[ledger]', "restate", "fail", "restate.auth_token"),
    ],
)
def test_what_is_wrong_is_named(
    check: Check, replace: str, by: str, name: str, level: str, words: str
) -> None:
    found = check(replace, by, code=1 if level == "fail" else 0)
    assert any(one == level and words in text for one, text in found[name]), found[name]


def test_a_broken_key_file_is_found(check: Check, sound: Path) -> None:
    (sound.parent / "keys.json").chmod(0o644)
    assert "others can read the keys" in check(code=1)["keys"][0][1]
    (sound.parent / "keys.json").unlink()
    assert "gateway keys init" in check(code=1)["keys"][0][1]


def test_an_address_that_is_taken_by_somebody_else_is_found(
    check: Check, ingress: FakeIngress, sound: Path
) -> None:
    (line,) = [line for line in sound.read_text().splitlines() if line.startswith("public =")]
    found = check(line, f'public = "127.0.0.1:{ingress.port}"', code=1)
    assert found["listen.public"] == [("fail", f"127.0.0.1:{ingress.port}: Address already in use")]


def test_an_internal_listener_on_every_address_is_pointed_out(check: Check, sound: Path) -> None:
    (line,) = [line for line in sound.read_text().splitlines() if line.startswith("internal =")]
    found = check(line, line.replace("127.0.0.1", "0.0.0.0"))
    assert found["listen.internal"][0][0] == "warn"


def test_beside_a_running_gateway_its_addresses_are_its_own(console: Console) -> None:
    console.ingress.react = healthy
    shown = json.loads(console("check", "--json").stdout)
    texts = {one["check"]: one["text"] for one in shown}
    assert texts["listen.public"].endswith("is taken by a gateway that runs")
    assert texts["listen.internal"].endswith("is taken by a gateway that runs")
    assert texts["ledger"].endswith("gateway.db can be read, schema 0001")


def test_a_ledger_of_a_newer_gateway_is_found(check: Check, sound: Path) -> None:
    connect(Secret(f"sqlite:///{sound.parent}/gateway.db")).close()
    assert "can be read, schema 0001" in check()["ledger"][0][1]
    database = sqlite3.connect(sound.parent / "gateway.db")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "written by a newer gateway (schema 9999" in check(code=1)["ledger"][0][1]


def test_a_postgresql_ledger_is_looked_at(check: Check, postgres: Postgres, sound: Path) -> None:
    url = postgres.url(postgres.new_database())
    empty = check("sqlite:///gateway.db", "env:LEDGER_URL", LEDGER_URL=url)
    assert empty["ledger"] == [("ok", "the database: a gateway's first start makes the tables")]
    connect(Secret(url)).close()
    ((level, text),) = check(LEDGER_URL=url)["ledger"]
    assert (level, text.endswith("can be read, schema 0001")) == ("ok", True)
    (port,) = free_ports(1)
    away = check(code=1, LEDGER_URL=f"postgresql://gateway@127.0.0.1:{port}/gateway")
    assert away["ledger"][0][0] == "fail"


def test_the_real_restate_is_well(check: Check, restate: Restate, ingress: FakeIngress, sound: Path) -> None:
    text = sound.read_text().replace(f'["{ingress.url}"]', f'["{restate.ingress_url}"]')
    sound.write_text(text.replace(f'admin_url = "{ingress.url}"', f'admin_url = "{restate.admin_url}"'))
    levels, texts = zip(*check()["restate"], strict=True)
    assert levels == ("ok", "ok")
    assert texts[1].endswith(": Restate 1.7.12")


def test_a_restate_that_is_away_is_found(check: Check, ingress: FakeIngress) -> None:
    (port,) = free_ports(1)
    found = check(f'["{ingress.url}"]', f'["http://127.0.0.1:{port}"]', code=1)
    assert (
        "fail",
        f"restate.ingress_urls: http://127.0.0.1:{port}: it does not answer (ConnectError)",
    ) in found["restate"]


def test_the_help_has_an_example(sound: Path) -> None:
    assert "Example: gateway check" in command.run(sound.parent, "check", "--help").stdout
