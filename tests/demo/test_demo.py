"""`make demo KEEP=1` as a person runs it: stories, a table, addresses, and an end on Ctrl-C."""

from __future__ import annotations

import re
import shlex
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

import httpx

from demo.stories import STORIES
from stack.part import ROOT


def test_it_tells_every_story_and_keeps_everything_running_until_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo", "--keep"]
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        told = until(demo.stdout, "/v1/keys")
        curls = [shlex.split(line) for line in told.splitlines() if line.startswith("curl")]
        token = check_curl(curls[0])
        check_curl(curls[1])
        demo.send_signal(signal.SIGINT)
        rest, errors = demo.communicate(timeout=30)

    assert f"{len(STORIES)} of {len(STORIES)} stories went as expected" in told, told + errors
    assert demo.returncode == 0
    assert token not in told + rest + errors
    assert max(map(len, (line for line in told.splitlines() if not line.startswith("curl")))) <= 80
    assert list(tmp_path.iterdir()) == []
    for address in re.findall(r"http://127\.0\.0\.1:\d+", told):
        assert not is_listening(address)


def until(lines: IO[str], end: str) -> str:
    told = ""
    for line in lines:
        told += line
        if end in line:
            break
    return told


def check_curl(command: list[str]) -> str:
    """Do what the curl command says; the secret that its file holds."""
    *options, header, url = command
    assert options == ["curl", "--silent", "--header"]
    file = Path(header.removeprefix("@"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    name, _, value = file.read_text().strip().partition(": ")
    assert httpx.get(url, headers={name: value}, trust_env=False).status_code == 200
    return value.removeprefix("Bearer ")


def is_listening(address: str) -> bool:
    try:
        httpx.get(address, trust_env=False)
    except httpx.ConnectError:
        return False
    return True
