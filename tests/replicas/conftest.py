"""Gateways that share one PostgreSQL database, each a process of its own, and one ingress for all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack.postgres import Postgres
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway

Replicas = tuple[RunningGateway, ...]
Start = Callable[..., Replicas]


@pytest.fixture
def start(tmp_path: Path, ingress: FakeIngress) -> Iterator[Start]:
    """Start replicas (two), at once, on the database at an URL."""
    started: list[RunningGateway] = []

    def all_of(url: str, count: int = 2) -> Replicas:
        # The URL comes by reference, as one with a password has to.
        (tmp_path / "ledger-url").write_text(url)
        environment = {"GATEWAY_LEDGER__URL": f"file:{tmp_path / 'ledger-url'}"}
        replicas = tuple(
            RunningGateway(tmp_path / f"replica-{number}", [ingress.url], environment=environment)
            for number in range(count)
        )
        started.extend(replicas)
        for other in replicas[1:]:
            # One deployment: the same keys.
            shutil.copy(replicas[0].key_file, other.key_file)
        for replica in replicas:
            replica.part.start()
        for replica in replicas:
            replica.part.wait_ready()
        return replicas

    yield all_of
    for replica in started:
        replica.stop()


@pytest.fixture
def replicas(start: Start, database: str) -> Replicas:
    """Two replicas on a database of their own, empty when both start."""
    return start(database)


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A server of the test's own, to be killed and frozen."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()
