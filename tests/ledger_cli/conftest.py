"""The command line beside a running gateway, and beside none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.ledger_cli.command import Command


@pytest.fixture
def gateway(tmp_path: Path, ingress: FakeIngress) -> Iterator[RunningGateway]:
    """A running gateway."""
    running = RunningGateway(tmp_path / "gateway", [ingress.url])
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command line in a folder with a configuration of its own."""
    return Command(tmp_path)


@pytest.fixture
def beside(gateway: RunningGateway) -> Callable[..., str]:
    """The command line with a running gateway's configuration and a client's token; what it printed."""
    command = Command(gateway.directory, make=False)

    def run(*arguments: str, code: int = 0, client: str = "orders") -> str:
        ended = command(*arguments, code=code, GATEWAY_TOKEN=gateway.tokens[client])
        assert gateway.tokens[client] not in ended.stdout + ended.stderr
        return ended.stdout if code == 0 else ended.stderr

    return run
