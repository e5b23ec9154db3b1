"""`python -m services` as a process: it ends when asked to, and answers nobody but its own Restate."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from stack.part import Part
from stack.ports import free_ports
from stack.restate import Restate
from tests.e2e.conftest import until
from tests.workers.processes import children, runs

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


@pytest.fixture
def two_workers(services: Part) -> Part:
    """The services in two processes."""
    services.command = [*services.command, "--workers", "2"]
    services.start()
    services.wait_ready()
    return services


def test_several_workers_share_the_calls_and_sigterm_ends_all(two_workers: Part, restate: Restate) -> None:
    restate.register(two_workers.ready[0].removesuffix("/health"))
    invocations = [
        restate.ingress.post("/Payments/charge/send", json={"amount": 1}).json()["invocationId"]
        for _ in range(5)
    ]
    listed = ", ".join(f"'{one}'" for one in invocations)
    running = f"select count(*) as n from sys_invocation where id in ({listed}) and status = 'running'"
    until(lambda: restate.query(running) == [{"n": 5}])
    assert two_workers.pid
    workers = children(two_workers.pid)
    assert len(workers) == 2
    # The kernel's choice, connection by connection: both get some of forty.
    with ExitStack() as open_ones:
        for _ in range(40):
            host, _, port = httpx.URL(two_workers.ready[0]).netloc.decode().partition(":")
            open_ones.enter_context(socket.create_connection((host, int(port)), 5))
        until(lambda: all(sockets_of(worker) > 5 for worker in workers))
    before = time.monotonic()
    two_workers.terminate()
    assert two_workers.join() == 0
    assert time.monotonic() - before < 10
    assert not any(map(runs, workers))
    for one in invocations:
        restate.admin.patch(f"/invocations/{one}/kill").raise_for_status()


def test_a_worker_that_dies_takes_the_others_along(two_workers: Part) -> None:
    assert two_workers.pid
    first, other = children(two_workers.pid)
    os.kill(first, signal.SIGKILL)
    assert two_workers.join() == 1
    assert not runs(other)


def test_workers_whose_parent_is_killed_end(two_workers: Part) -> None:
    assert two_workers.pid
    workers = children(two_workers.pid)
    two_workers.kill()
    until(lambda: not any(map(runs, workers)))


def sockets_of(pid: int) -> int:
    """How many sockets a process has open."""
    links = (os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir())
    return sum(link.startswith("socket:") for link in links)


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
