"""`python -m services` as a process: it ends when asked to, and answers nobody but its own Restate."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stack.part import Part
from stack.ports import free_ports
from stack.restate import Restate
from tests.e2e.conftest import until

#: From Restate's documentation on request identity.
SOMEBODYS_KEY = "publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f"


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of a gateway that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def services(silence: str, tmp_path: Path) -> Iterator[Part]:
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    part = Part(
        name="services",
        command=[sys.executable, "-m", "services", "--bind", bind],
        environment={"GATEWAY_URL": silence, "GATEWAY_TOKEN": "a-token"},
        log=tmp_path / "services.log",
        ready=[f"http://{bind}/health"],
    )
    try:
        yield part
    finally:
        part.kill()


def test_sigterm_ends_the_services_within_ten_seconds_whatever_they_are_doing(
    services: Part, restate: Restate
) -> None:
    services.start()
    services.wait_ready()
    restate.register(services.ready[0].removesuffix("/health"))
    invocation = restate.ingress.post("/Payments/charge/send", json={"amount": 1}).json()["invocationId"]
    running = f"select status from sys_invocation where id = '{invocation}'"
    until(lambda: restate.query(running) == [{"status": "running"}])
    before = time.monotonic()
    services.terminate()
    assert services.join() == 0
    assert time.monotonic() - before < 10
    restate.admin.patch(f"/invocations/{invocation}/kill").raise_for_status()


def test_with_identity_keys_only_their_restate_may_call(services: Part) -> None:
    services.environment = {**services.environment, "RESTATE_IDENTITY_KEYS": f"{SOMEBODYS_KEY},"}
    services.start()
    services.wait_ready()
    url = services.ready[0].removesuffix("health")
    accept = {"accept": "application/vnd.restate.endpointmanifest.v3+json"}
    assert httpx.get(f"{url}discover", headers=accept, trust_env=False).status_code == 401
    assert httpx.post(f"{url}invoke/Payments/charge", json={}, trust_env=False).status_code == 401


def test_services_that_do_not_know_their_gateway_say_which_setting_is_missing(services: Part) -> None:
    services.environment = {}
    services.start()
    assert services.join() == 1
    assert "GATEWAY_URL is not set" in services.log.read_text()
