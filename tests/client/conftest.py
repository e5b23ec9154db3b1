"""Handlers that wait, a gateway of the tests' own, and a real Restate server between them."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from stack.part import Part
from stack.ports import free_ports
from stack.restate import Restate
from tests.client.fake_gateway import TOKEN, FakeGateway


@dataclass
class Waiting:
    """The handlers of `tests.client.waiting`: start one, and see how it ends."""

    restate: Restate
    part: Part

    def start(self, handler: str, label: str, *, key: str | None = None, **ask: Any) -> str:
        """Start a handler; the invocation's id."""
        service = f"Flow/{key}" if key else "Probe"
        answer = self.restate.ingress.post(f"/{service}/{handler}/send", json={"label": label, **ask})
        answer.raise_for_status()
        return str(answer.json()["invocationId"])

    def ended(self, invocation: str) -> httpx.Response:
        """How an invocation ends, waiting for it."""
        return self.restate.ingress.get(f"/restate/invocation/{invocation}/attach")

    def result(self, invocation: str) -> Any:
        """What a handler returns."""
        answer = self.ended(invocation)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def suspended(self, invocation: str) -> None:
        """Return when the invocation waits and its handler is not running."""
        deadline = time.monotonic() + 20
        query = f"select status from sys_invocation where id = '{invocation}'"
        while (rows := self.restate.query(query)) != [{"status": "suspended"}]:
            assert time.monotonic() < deadline, rows
            time.sleep(0.02)


@pytest.fixture(scope="module")
def gateway(restate: Restate) -> Iterator[FakeGateway]:
    with FakeGateway(restate.ingress).serving() as serving:
        yield serving


@pytest.fixture(scope="module")
def waiting(
    restate: Restate, gateway: FakeGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Waiting]:
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    part = Part(
        name="waiting",
        # Without workers: they would be processes of their own, and outlive the one that is killed.
        command=[
            *(sys.executable, "-m", "hypercorn", "--workers", "0"),
            *("--bind", bind, "tests.client.waiting:app"),
        ],
        environment={"GATEWAY_URL": gateway.url, "GATEWAY_TOKEN": TOKEN},
        log=tmp_path_factory.mktemp("waiting") / "waiting.log",
        ready=[f"http://{bind}/health"],
    )
    part.start()
    try:
        part.wait_ready()
        restate.register(f"http://{bind}")
        yield Waiting(restate, part)
    finally:
        # The SDK takes SIGTERM away from hypercorn's own command; see services/__main__.py.
        part.kill()


@pytest.fixture
def label() -> str:
    """A name that no other test has."""
    return f"label-{uuid.uuid4().hex[:12]}"
