"""`gateway keys` as ops call it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer.testing

from gateway import keyfile
from gateway.cli import keys as commands
from gateway.errors import ConfigurationError
from gateway.keyring import KeyRing
from stack.part import ROOT


@dataclass(frozen=True)
class Keys:
    """The commands on the key file of a configuration."""

    config: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The key file."""
        return self.config.parent / "keys.json"

    @property
    def ring(self) -> KeyRing:
        """What the key file holds."""
        return keyfile.load(self.file, "default")

    @property
    def statuses(self) -> dict[str, str]:
        """The keys in it by id, with their statuses."""
        return {key.id: str(key.status) for key in self.ring.keys}

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "RESTATE_"))
        }
        return subprocess.Popen(
            [sys.executable, "-m", "gateway", "keys", *arguments, "--config", str(self.config)],
            cwd=ROOT,
            env={**clean, "NO_COLOR": "1", "COLUMNS": "120", **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, started: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
        """What a command has printed, once it has ended as it has to: with an exit code."""
        out, err = started.communicate(timeout=90)
        assert started.returncode == code, out + err
        assert "Traceback" not in err
        return out, err

    def run(self, *arguments: str, code: int | None = 0, shows_keys: bool = False) -> tuple[str, str]:
        """
        What a command prints, once it has ended with an exit code, or with any where that is None.

        It is run in this process, which saves a second.
        """
        runner = typer.testing.CliRunner()
        environment = {
            **{name: None for name in os.environ if name.startswith(("GATEWAY_", "RESTATE_"))},
            **self.environment,
        }
        words = [*arguments, "--config", str(self.config)]
        ended = runner.invoke(commands.app, words, env=environment)
        out, err, ended_with = ended.stdout, ended.stderr, ended.exit_code
        if isinstance(ended.exception, ConfigurationError):
            # As `gateway.cli.main` has it.
            err, ended_with = f"{err}gateway: {ended.exception}\n", 1
        assert ended_with == code or (code is None and ended_with in (0, 1)), (out, err, ended.exception)
        if not shows_keys:
            for secret in re.findall(r"\b[0-9a-f]{64}\b", self.file.read_text()):
                assert secret not in out + err
        return out, err

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end; what it printed, on stderr where it failed."""
        out, err = self.run(*arguments, code=code)
        return err or out if code else out

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a command prints for programs."""
        return json.loads(self.run(*arguments, "--json", code=code)[0])
