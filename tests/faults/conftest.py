"""A Restate of these tests' own, which they may kill, with handlers that count behind it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.part import Part
from stack.ports import free_ports
from stack.restate import Restate


@contextmanager
def counters(directory: Path) -> Iterator[str]:
    """The handlers of `tests.faults.tally`, running; their address."""
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    part = Part(
        name="tally",
        # Without workers: they would be processes of their own, and outlive the one that is killed.
        command=[
            *(sys.executable, "-m", "hypercorn", "--workers", "0"),
            *("--bind", bind, "tests.faults.tally:app"),
        ],
        environment={},
        log=directory / "tally.log",
        ready=[f"http://{bind}/health"],
    )
    part.start()
    try:
        part.wait_ready()
        yield f"http://{bind}"
    finally:
        # The SDK takes SIGTERM away from hypercorn's own command; see services/__main__.py.
        part.kill()


@pytest.fixture(scope="module")
def own_restate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restate]:
    """A Restate server with the counting handlers."""
    directory = tmp_path_factory.mktemp("faults")
    server = Restate(directory, always_replay=False)
    try:
        server.start()
        server.wait_ready()
        with counters(directory) as address:
            server.register(address)
            yield server
    finally:
        server.stop()
        shutil.rmtree(directory / "restate", ignore_errors=True)
