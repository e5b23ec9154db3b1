"""The commands that the README shows are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from stack.part import ROOT
from stack.stack import Stack
from tests.core.samples import awakeable_id

README = (ROOT / "README.md").read_text()
BASH = [block for _, block in re.findall(r"```(bash)\n(.*?)```", README, re.DOTALL)]


def test_the_curl_command_issues_a_callback(stack: Stack) -> None:
    (command,) = [block for block in BASH if "curl" in block]
    environment = os.environ | {
        "GATEWAY_URL": stack.internal_url,
        "GATEWAY_TOKEN_FILE": str(stack.files.client_token),
        "AWAKEABLE_ID": awakeable_id(),
        "NO_PROXY": "127.0.0.1",
    }
    issued = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    answer = json.loads(issued.stdout)
    shown = re.search(r'```json\n(\{"id": "cb_.*?\})\n```', README, re.DOTALL)
    assert shown is not None
    assert answer.keys() == json.loads(shown[1]).keys()
    assert answer["url"].startswith(f"{stack.public_url}/c/acmepay/{answer['key_id']}.")


def gateway_commands() -> list[str]:
    lines = [line.partition("#")[0].strip() for block in BASH for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("gateway ")})


@pytest.mark.parametrize("command", gateway_commands())
def test_a_gateway_command_is_one_that_there_is(command: str, tmp_path: Path) -> None:
    words = [word for word in shlex.split(command)[1:] if not word.startswith("k2")]
    shown = subprocess.run(
        [sys.executable, "-m", "gateway", *words, "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr


def test_a_key_is_rotated_as_shown(stack: Stack, tmp_path: Path) -> None:
    settings = tmp_path / "gateway.toml"
    settings.write_text('public_url = "https://hooks.example.com"\n')

    def keys(*words: str) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "gateway", "keys", *words, "--config", str(settings)],
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout

    keys("init")
    (old,) = json.loads(keys("list", "--json"))
    new = keys("add").partition(":")[0]
    keys("promote", new)
    keys("retire", old["id"])
    statuses = {key["id"]: key["status"] for key in json.loads(keys("list", "--json"))}
    assert statuses == {old["id"]: "disabled", new: "primary"}
