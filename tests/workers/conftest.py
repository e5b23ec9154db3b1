"""One gateway of two workers on a PostgreSQL database of the test's own, and the ingress that it calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway

WORKERS = 2
Start = Callable[..., RunningGateway]


@pytest.fixture
def start(tmp_path: Path, ingress: FakeIngress, database: str) -> Iterator[Start]:
    """Start the gateway, with further variables in its environment."""
    started: list[RunningGateway] = []

    def one(**environment: str) -> RunningGateway:
        running = RunningGateway(
            tmp_path / "gateway",
            [ingress.url],
            environment={"GATEWAY_LEDGER__URL": database, **environment},
            workers=WORKERS,
        )
        started.append(running)
        running.start()
        return running

    yield one
    for running in started:
        running.stop()


@pytest.fixture
def gateway(start: Start) -> RunningGateway:
    """Two workers that serve."""
    return start(GATEWAY_CLIENTS__ORDERS__OPS="true")
