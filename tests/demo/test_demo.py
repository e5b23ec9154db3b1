"""`make demo KEEP=1` as a person runs it: stories, a table, addresses, and an end on Ctrl-C."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import httpx

from demo.stories import STORIES
from stack.part import ROOT
from tests.gateway.canaries import scan


def test_it_tells_every_story_and_keeps_everything_running_until_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo", "--keep"]
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with ExitStack() as ending:
        demo = ending.enter_context(
            subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        # Whatever goes wrong: to leave waits for its end, which does not come by itself.
        ending.callback(demo.kill)
        assert demo.stdout is not None
        told = until(demo.stdout, "/v1/keys")
        curls = [shlex.split(line) for line in told.splitlines() if line.startswith("curl")]
        check_curl(curls[0])
        check_curl(curls[1])
        (directory,) = tmp_path.iterdir()
        canaries = secrets_of(directory)
        logs = {file.name: file.read_bytes() for file in (directory / "logs").iterdir()}
        demo.send_signal(signal.SIGINT)
        rest, errors = demo.communicate(timeout=30)

    assert f"{len(STORIES)} of {len(STORIES)} stories went as expected" in told, told + errors
    assert demo.returncode == 0
    texts = {"output": (told + rest).encode(), "errors": errors.encode(), **logs}
    assert scan(texts, canaries) == []
    assert set(texts) >= {"gateway.log", "services.log", "simulator.log"}
    for name, text in texts.items():
        assert not re.search(rb"sign_1[\w-]{38}", text), f"an awakeable id in {name}"
        assert not re.search(rb"/[ca]/[\w./-]+\.[\w-]{43}", text), f"a callback URL in {name}"
    assert max(map(len, (line for line in told.splitlines() if not line.startswith("curl")))) <= 80
    assert list(tmp_path.iterdir()) == []
    for address in re.findall(r"http://127\.0\.0\.1:\d+", told):
        assert not is_listening(address)


def secrets_of(directory: Path) -> dict[str, str | bytes]:
    """Every secret that the demo made: client token, provider secrets, signing keys, awakeable ids."""
    config = directory / "config"
    canaries: dict[str, str | bytes] = {
        file.name: file.read_text().strip().rpartition(" ")[2]
        for file in config.rglob("*")
        if file.is_file() and file.suffix not in (".toml", ".json") and b"\0" not in file.read_bytes()
    }
    for key in json.loads((config / "keys.json").read_text())["keys"]:
        canaries[f"key {key['id']}"] = bytes.fromhex(key["secret"])
    ledger = sqlite3.connect(f"file:{config}/gateway.db?mode=ro", uri=True)
    for (target,) in ledger.execute("SELECT target FROM callbacks"):
        if "awakeable" in target:
            canaries[f"awakeable {len(canaries)}"] = json.loads(target)["awakeable"]
    ledger.close()
    assert len(canaries) > 15
    return {name: value for name, value in canaries.items() if value}


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
