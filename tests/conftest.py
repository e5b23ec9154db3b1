"""
The real parts that tests share: one of each for a worker of pytest, started when a test first asks.

Workers share nothing: a Restate server is ready in half a second, sooner than a lock would be safe.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.postgres import Postgres
from stack.restate import Restate
from stack.stack import Stack
from tests.gateway.ingress import FakeIngress


@pytest.fixture
def ingress() -> Iterator[FakeIngress]:
    """A stand-in for Restate's ingress, of the test's own: it accepts everything."""
    server = FakeIngress()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def restate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restate]:
    """A real Restate server on which every wait is a suspension and a replay."""
    directory = tmp_path_factory.mktemp("restate")
    server = Restate(directory)
    try:
        server.start()
        server.wait_ready()
        yield server
    finally:
        server.stop()
        _forget(directory)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything: Restate, the services, the gateway, the simulated outside world."""
    directory = tmp_path_factory.mktemp("stack")
    running = Stack(directory)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        _forget(directory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server: for tests that leave it running, each with a database of its own."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The URL of an empty PostgreSQL database of the test's own."""
    return postgres.url(postgres.new_database())


def _forget(directory: Path) -> None:
    # The logs stay, for whoever looks into a failure; Restate's database is 150 MB.
    shutil.rmtree(directory / "restate", ignore_errors=True)
