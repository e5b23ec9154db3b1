"""The commands that the README and the pages of docs/ show are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from stack.part import ROOT, Part, clean_environment
from stack.ports import free_ports
from stack.restate import Restate
from stack.stack import Stack
from tests.core.samples import awakeable_id
from tests.docs.documents import README, WRITTEN, blocks

BASH = [block for page in WRITTEN for block in blocks(page, "bash")]
#: What is not `gateway …`, by its beginning, and the test that runs it or looks at it.
ELSEWHERE = {
    "curl ": "test_the_curl_command_issues_a_callback",
    "make ": "test_a_make_target_is_one_that_there_is",
    "cp ": "test_a_provider_s_secret_is_rotated_as_shown",
    "printf ": "test_a_provider_s_secret_is_rotated_as_shown",
    "export GATEWAY_TOKEN_FILE=": "the variable that tests/cli gives its commands",
    "sh deploy/secrets.sh": "tests/deploy/test_compose.py",
    "docker compose -f deploy/compose.yaml ": "tests/deploy/test_compose.py",
    "pytest tests/providers/test_conformance.py ": "tests/docs/test_adding_a_provider.py",
    "python -m docs": "tests/docs/test_adding_a_provider.py",
}


def _lines() -> list[str]:
    whole = "\n".join(BASH).replace("\\\n", "")
    return sorted({line.partition("#")[0].strip() for line in whole.splitlines()} - {""})


def gateway_commands() -> list[str]:
    """Those that begin with `gateway`, and those that are given in a container."""
    return [line.removeprefix("docker compose -f deploy/compose.yaml exec gateway ") for line in _lines()]


COMMANDS = sorted({line for line in gateway_commands() if line.startswith("gateway ")})


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
    (shown,) = [block for block in blocks(README, "json") if '"id": "cb_' in block]
    assert answer.keys() == json.loads(shown).keys()
    assert answer["url"].startswith(f"{stack.public_url}/c/acmepay/{answer['key_id']}.")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_gateway_command_is_one_that_there_is(command: str, tmp_path: Path) -> None:
    words = [word for word in shlex.split(command)[1:] if not word.startswith("k2")]
    shown = subprocess.run(
        [sys.executable, "-m", "gateway", *words, "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr


def test_every_other_command_is_run_by_some_test() -> None:
    others = [line for line in _lines() if not line.startswith(("gateway ", *ELSEWHERE))]
    assert others == []


def test_a_make_target_is_one_that_there_is() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {line.split()[1] for line in _lines() if line.startswith("make ")} <= set(targets)


def test_the_readme_leads_from_nothing_to_a_running_gateway(restate: Restate, tmp_path: Path) -> None:
    """The configuration and the commands as they stand, but for the ports and the address of Restate."""
    (configuration,) = blocks(README, "toml")
    (commands,) = [block for block in blocks(README, "bash") if "gateway serve" in block]
    (tmp_path / "gateway.toml").write_text(configuration)
    (tmp_path / "stripe-eu.secret").write_text("whsec_of_the_readme_s_own_test")
    public, internal = (f"127.0.0.1:{port}" for port in free_ports(2))
    environment = clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GATEWAY_LISTEN__PUBLIC": public,
        "GATEWAY_LISTEN__INTERNAL": internal,
        "RESTATE_INGRESS_URL": restate.ingress_url,
        "RESTATE_ADMIN_URL": restate.admin_url,
    }
    before, serve = commands.split("gateway serve")
    said = subprocess.run(
        ["bash", "-ec", before], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    log = tmp_path / "log"
    serving = ["bash", "-c", f"cd {shlex.quote(str(tmp_path))} && exec gateway serve {serve}"]
    gateway = Part(
        "gateway", serving, environment, log, [f"http://{internal}/readyz", f"http://{public}/livez"]
    )
    gateway.start()
    try:
        gateway.wait_ready()
        (token,) = re.findall(r"gwt_[\w-]+", said.stdout)
        answer = httpx.post(
            f"http://{internal}/v1/callbacks",
            json={"source": "stripe-eu", "target": {"awakeable": awakeable_id()}},
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert answer.json()["account_url"] == "https://hooks.example.com/s/stripe-eu"
    finally:
        assert gateway.stop() == 0


def test_a_provider_s_secret_is_rotated_as_shown(tmp_path: Path) -> None:
    (block,) = [block for block in BASH if "cp stripe-us" in block]
    (tmp_path / "stripe-us").write_text("old")
    held = []
    for line in block.splitlines():
        if not line.startswith("gateway "):
            subprocess.run(["bash", "-ec", line], cwd=tmp_path, env=os.environ | {"NEW": "new"}, check=True)
            held.append([(tmp_path / name).read_text() for name in ("stripe-us", "stripe-us-previous")])
    assert held == [["old", "old"], ["new", "old"], ["new", "new"]]


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
