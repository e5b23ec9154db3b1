"""`gateway …` run in this process: a Python takes longer to start than most commands do."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli import main


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command has printed."""

    stdout: str
    stderr: str


def run(folder: Path, *arguments: str, code: int = 0, stdin: str = "", **environ: str) -> Ended:
    """Run `gateway` with arguments in a folder; it has to end with this exit code."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GATEWAY_", "RESTATE_"))}
    clean |= {"NO_COLOR": "1", "COLUMNS": "160"} | environ
    ended, out, err = 0, io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["gateway", *arguments])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        patch.setattr(os, "environ", clean)
        patch.chdir(folder)
        try:
            main()
        except SystemExit as exiting:
            ended = int(exiting.code or 0)
    found = Ended(out.getvalue(), err.getvalue())
    assert ended == code, found
    for secret in (environ.get("GATEWAY_TOKEN"), stdin.strip()):
        assert not secret or len(secret) < 16 or secret not in found.stdout + found.stderr
    return found
