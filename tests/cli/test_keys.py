"""`gateway keys` as ops use it: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from gateway import cli, keyfile
from gateway.keyring import KeyRing, Status
from gateway.ledger.sqlite import SqliteLedger
from tests.core.samples import key, ring
from tests.ledger.samples import callback, issue


class Gateway:
    """The command line in a folder with a `gateway.toml`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "gateway.toml").write_text('public_url = "https://hooks.example.com"\n')

    def __call__(self, *arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; it has to end with this exit code."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "RESTATE_"))
        }
        ended = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            cwd=self.folder,
            env=clean | {"NO_COLOR": "1", "COLUMNS": "120"} | environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        if self.keys.exists() and self.keys.is_file():
            self._holds_no_key(ended.stdout + ended.stderr)
        return ended

    def _holds_no_key(self, text: str) -> None:
        for secret in re.findall(r"\b[0-9a-f]{64}\b", self.keys.read_text()):
            assert secret not in text
            assert secret[:16] not in text

    @property
    def keys(self) -> Path:
        """The key file."""
        return self.folder / "keys.json"

    @property
    def ring(self) -> KeyRing:
        """What the key file holds."""
        return keyfile.load(self.keys, "default")


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """The command line in an empty folder."""
    return Gateway(tmp_path)


@pytest.fixture
def rotated(gateway: Gateway) -> Gateway:
    """The command line after one rotation."""
    keyfile.save(gateway.keys, ring(key("k1", 1, Status.ENABLED), key("k2", 2)))
    return gateway


def test_init_makes_a_key_file_with_one_primary_key(gateway: Gateway) -> None:
    said = gateway("keys", "init")
    assert gateway.keys.stat().st_mode & 0o777 == 0o600
    assert [one.status for one in gateway.ring.keys] == ["primary"]
    assert said.stdout == (
        f"keys.json: made, mode 0600, primary key {gateway.ring.primary.id}. Keep a copy of it safe.\n"
    )
    assert said.stderr == ""


def test_init_leaves_a_key_file_alone(gateway: Gateway) -> None:
    gateway("keys", "init")
    before = gateway.keys.read_text()
    refused = gateway("keys", "init", code=1)
    assert (
        refused.stderr
        == 'gateway: keys.file: keys.json is there already; "gateway keys add" adds a key to it\n'
    )
    assert "is there, left alone" in gateway("keys", "init", "--if-missing").stdout
    assert gateway.keys.read_text() == before


def test_a_rotation_step_by_step(gateway: Gateway) -> None:
    gateway("keys", "init")
    (first,) = gateway.ring.keys
    added = gateway("keys", "add").stdout
    second = gateway.ring.keys[1]
    assert second.status is Status.ENABLED
    assert gateway.ring.primary == first
    # It says what comes next, and when.
    assert f"Once every gateway has taken it up: gateway keys promote {second.id}" in added
    promoted = gateway("keys", "promote", second.id).stdout
    assert promoted == f"{second.id}: primary. {first.id} goes on verifying the URLs that it has signed.\n"
    assert [one.status for one in gateway.ring.keys] == ["enabled", "primary"]
    retired = gateway("keys", "retire", first.id).stdout
    assert retired == f"{first.id}: disabled. Its URLs are answered 404.\n"
    assert [one.status for one in gateway.ring.keys] == ["disabled", "primary"]
    assert [one.secret for one in gateway.ring.keys] == [first.secret, second.secret]
    assert first.secret != second.secret


@pytest.mark.parametrize("command", ["promote", "retire"])
def test_a_key_that_is_not_there_is_answered_with_those_that_are(rotated: Gateway, command: str) -> None:
    known = ", ".join(key.id for key in rotated.ring.keys)
    refused = rotated("keys", command, "k9", code=1)
    assert refused.stderr == f"gateway: there is no key k9; there are {known}\n"
    assert refused.stdout == ""


def test_the_primary_key_is_not_retired(rotated: Gateway) -> None:
    primary = rotated.ring.primary.id
    assert (
        f"key {primary} is primary: it cannot be retired" in rotated("keys", "retire", primary, code=1).stderr
    )
    assert rotated.ring.primary.id == primary


def test_a_retired_key_is_not_promoted(rotated: Gateway) -> None:
    old = rotated.ring.keys[0].id
    rotated("keys", "retire", old)
    assert "is disabled: it cannot be promoted" in rotated("keys", "promote", old, code=1).stderr


def _issue(gateway: Gateway, key_id: str, now: float, lasting: int) -> SqliteLedger:
    ledger = SqliteLedger(gateway.folder / "gateway.db")
    waiting = replace(callback(), key_id=key_id, created_at=now, expires_at=int(now) + lasting)
    asyncio.run(issue(ledger, waiting))
    return ledger


@pytest.mark.parametrize("running", [True, False], ids=["while the gateway runs", "while it does not"])
def test_a_key_that_open_callbacks_need_is_not_retired(rotated: Gateway, running: bool) -> None:
    old = rotated.ring.keys[0].id
    ledger = _issue(rotated, old, time.time(), 3600)
    if not running:
        ledger.close()
    refused = rotated("keys", "retire", old, code=1)
    if running:
        ledger.close()
    assert f"{old} is not retired: open callbacks need it" in refused.stderr
    assert "1 of client shop, source acmepay, the last until 20" in refused.stderr
    assert rotated.ring.verifying(old) is not None


def test_a_key_whose_callbacks_are_all_over_is_retired(rotated: Gateway) -> None:
    old = rotated.ring.keys[0].id
    _issue(rotated, old, time.time() - 7200, 3600).close()
    rotated("keys", "retire", old)
    assert rotated.ring.verifying(old) is None


def test_list_shows_each_key_and_no_secret(rotated: Gateway) -> None:
    head, *lines = rotated("keys", "list").stdout.splitlines()
    assert head.split() == ["ID", "STATUS", "CREATED", "FINGERPRINT"]
    for line, one in zip(lines, rotated.ring.keys, strict=True):
        assert line.split() == [
            one.id,
            one.status,
            *f"{one.created_at:%Y-%m-%d %H:%M}Z".split(),
            one.fingerprint,
        ]


def test_list_as_json_is_for_programs(rotated: Gateway) -> None:
    shown = json.loads(rotated("keys", "list", "--json").stdout)
    assert shown == [
        {
            "id": one.id,
            "status": one.status,
            "created_at": one.created_at.isoformat(),
            "fingerprint": one.fingerprint,
        }
        for one in rotated.ring.keys
    ]


def test_a_settings_file_is_named_by_option_or_variable(gateway: Gateway) -> None:
    other = gateway.folder / "other"
    other.mkdir()
    (other / "production.toml").write_text(
        'public_url = "https://x.example.com"\n[keys]\nfile = "in/keys.json"\n'
    )
    gateway("keys", "init", "--config", "other/production.toml")
    assert (other / "in" / "keys.json").exists()
    listed = gateway("keys", "list", GATEWAY_CONFIG="other/production.toml").stdout
    assert len(listed.splitlines()) == 2
    assert not gateway.keys.exists()


@pytest.mark.parametrize(
    "command", [["add"], ["list"], ["promote", "k1"], ["retire", "k1"]], ids=lambda c: c[0]
)
def test_without_a_key_file_a_command_says_how_to_make_one(gateway: Gateway, command: Sequence[str]) -> None:
    refused = gateway("keys", *command, code=1)
    assert refused.stderr == (
        'gateway: keys.file: keys.json is not there; "gateway keys init" makes it with a first key\n'
    )


def test_a_broken_key_file_is_not_overwritten(gateway: Gateway) -> None:
    gateway("keys", "init")
    whole = gateway.keys.read_text()
    gateway.keys.write_text(whole[:-10])
    assert "not a key file" in gateway("keys", "add", code=1).stderr
    assert gateway.keys.read_text() == whole[:-10]


def test_a_wrong_setting_is_a_message_and_exit_code_1(gateway: Gateway) -> None:
    refused = gateway("keys", "list", code=1, GATEWAY_LEDGER__KEEP_ROW="45d")
    assert "ledger.keep_row: there is no such setting; did you mean keep_rows?" in refused.stderr


@pytest.mark.parametrize(
    "arguments", [["keys", "promote"], ["keys", "nonsense"], ["nonsense"], ["keys", "list", "--no"]]
)
def test_a_command_that_is_called_wrongly_is_exit_code_2(gateway: Gateway, arguments: Sequence[str]) -> None:
    assert "Usage: " in gateway(*arguments, code=2).stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, '"gateway keys init"'),
        ('{"keys": []}', "exactly one key must be primary"),
        (
            '{"keys": [{"id": "k1", "status": "primary", "secret": "", '
            '"created_at": "2026-11-01T00:00:00Z"}]}',
            "0 bytes of secret, 32 are needed",
        ),
        (
            '{"keys": [{"id": "k1", "status": "primary", "secret": "5ec2e75ec2e75ec2", '
            '"created_at": "2026-11-01T00:00:00Z"}]}',
            "8 bytes of secret, 32 are needed",
        ),
    ],
    ids=["missing", "without keys", "an empty key", "a key of 8 bytes"],
)
def test_a_gateway_without_good_keys_does_not_start(gateway: Gateway, text: str | None, says: str) -> None:
    if text is not None:
        gateway.keys.write_text(text)
        gateway.keys.chmod(0o600)
    refused = gateway("serve", code=1)
    assert says in refused.stderr
    assert "5ec2e75ec2e75ec2" not in refused.stderr


def test_a_gateway_with_a_worthless_secret_does_not_start(gateway: Gateway) -> None:
    gateway("keys", "init")
    with (gateway.folder / "gateway.toml").open("a") as file:
        file.write('[sources.x]\nprovider = "stripe"\nsecrets = ["env:STRIPE"]\n')
    refused = gateway("serve", code=1, STRIPE="changeme")
    assert "sources.x.secrets[0]: the secret is a placeholder" in refused.stderr


def test_the_version_is_the_packages(gateway: Gateway) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", gateway("--version").stdout)


def _commands() -> dict[str, typer.core.TyperCommand]:
    """Every command, by the words that call it."""
    found: dict[str, typer.core.TyperCommand] = {}

    def walk(words: tuple[str, ...], command: object) -> None:
        if isinstance(command, typer.core.TyperGroup):
            for name, below in command.commands.items():
                walk((*words, name), below)
        else:
            assert isinstance(command, typer.core.TyperCommand)
            found[" ".join(words)] = command

    cli.build()
    walk((), typer.main.get_command(cli.app))
    return found


COMMANDS = _commands()


def test_the_commands_are_these() -> None:
    assert set(COMMANDS) >= {
        "serve",
        *(
            f"keys {verb}"
            for verb in ("init", "add", "promote", "rotate", "retire", "revoke", "list", "check")
        ),
    }


@pytest.mark.parametrize("words", COMMANDS)
def test_each_commands_help_has_a_line_to_copy(gateway: Gateway, words: str) -> None:
    shown = gateway(*words.split(), "--help").stdout
    assert f"Example: gateway {words}" in shown
    assert "--help" in shown
