"""The real Restate server runs services, suspends them, and can be asked what it knows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack.part import Part
from stack.ports import free_ports
from stack.restate import Restate


@pytest.fixture
def service(restate: Restate, tmp_path: Path) -> Iterator[str]:
    """The name of a service that runs, registered with the server."""
    (port,) = free_ports(1)
    part = Part(
        name="service",
        command=[sys.executable, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "tests.stack.waiting:app"],
        environment={},
        log=tmp_path / "service.log",
        ready=[f"http://127.0.0.1:{port}/health"],
    )
    part.start()
    part.wait_ready()
    (name,) = restate.register(f"http://127.0.0.1:{port}")
    yield name
    part.stop()


def test_it_can_be_asked_as_soon_as_it_is_ready(restate: Restate) -> None:
    rows = restate.query("select count(*) as n from sys_invocation where target_service_name = 'Nobody'")
    assert rows == [{"n": 0}]


def test_a_handler_suspends_until_its_awakeable_is_resolved(
    restate: Restate, service: str, tmp_path: Path
) -> None:
    file = tmp_path / "awakeable"
    sent = restate.ingress.post(f"/restate/send/{service}/wait", json=str(file)).json()
    until(lambda: file.exists() and state(restate, sent["invocationId"]) == "suspended")

    resolved = restate.ingress.post(f"/restate/awakeables/{file.read_text()}/resolve", json="a letter")
    done = restate.ingress.get(f"/restate/invocation/{sent['invocationId']}/attach")
    assert resolved.status_code == 202
    assert done.json() == "got a letter"


def state(restate: Restate, invocation: str) -> str:
    (row,) = restate.query(f"select status from sys_invocation where id = '{invocation}'")
    return str(row["status"])


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)
