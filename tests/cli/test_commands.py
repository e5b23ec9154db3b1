"""The command line as a whole: every command has an example and `--json`, and the shell completes names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from gateway import cli
from stack.part import ROOT
from tests.cli.command import run
from tests.cli.conftest import Console

#: They serve, play to people, or print a page for them (whose facts `providers show --json` has).
_WITHOUT_JSON = {"serve", "demo", "providers page"}


def _commands() -> Iterator[tuple[str, typer.models.CommandInfo]]:
    cli.build()
    for command in cli.app.registered_commands:
        yield command.name or "", command
    for group in cli.app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            yield f"{group.name} {command.name or command.callback.__name__}", command


COMMANDS = dict(_commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_help_has_an_example_of_it(name: str) -> None:
    assert COMMANDS[name].callback is not None
    text = COMMANDS[name].callback.__doc__ or ""
    assert f"Example: gateway {name}" in text
    assert len(text.strip().splitlines()[0]) < 110


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - _WITHOUT_JSON))
def test_a_command_prints_json(name: str, tmp_path: Path) -> None:
    assert "--json" in run(tmp_path, *name.split(), "--help").stdout


def _completed(folder: Path, line: str, token: str = "") -> list[str]:
    """What bash is offered behind a line."""
    asked = run(
        folder,
        _GATEWAY_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(line.count(" ")),
        GATEWAY_TOKEN=token,
    )
    return asked.stdout.split()


def test_the_shell_completes_names_and_ids(console: Console) -> None:
    callback = console.issue()
    folder = console.directory
    assert _completed(folder, "gateway providers show st") == ["standard-webhooks", "stripe"]
    assert _completed(folder, "gateway callbacks list --source pay") == ["pay", "pay-twin"]
    assert callback.id in _completed(folder, "gateway callbacks show cb_", console.tokens["ops"])
    assert _completed(folder, "gateway callbacks show cb_") == [], "without a token it is silent"
    assert "tail" in _completed(folder, "gateway deliveries ")


def test_outside_a_checkout_the_demo_says_where_it_is(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    ended = subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", "demo"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "In a checkout of the repository `make demo`" in ended.stderr


def test_in_a_checkout_the_demo_is_the_repository_s(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "__init__.py").touch()
    (tmp_path / "demo" / "__main__.py").write_text("import sys; print('played', sys.argv[1:]); sys.exit(3)")
    shutil.copytree(ROOT / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    ended = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--keep"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (3, "played ['--keep']\n")
