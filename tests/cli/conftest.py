"""A running gateway with an ops client, and the command line beside it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import command
from tests.cli.command import Ended
from tests.gateway.ingress import ACCEPT, FakeIngress
from tests.gateway.process import RunningGateway

_OPS = """
[clients.ops]
token_sha256 = "{digest}"
ops = true
"""


class Console(RunningGateway):
    """A running gateway, and `gateway …` in its folder; `ingress` is Restate to it."""

    def __init__(self, directory: Path, ingress: FakeIngress) -> None:
        super().__init__(directory, [ingress.url])
        self.ingress = ingress
        self.tokens["ops"] = secrets.token_urlsafe(32)
        digest = hashlib.sha256(self.tokens["ops"].encode()).hexdigest()
        with (directory / "gateway.toml").open("a") as config:
            config.write(_OPS.format(digest=digest))

    def __call__(self, *arguments: str, code: int = 0, client: str = "ops", stdin: str = "") -> Ended:
        """Run `gateway` as a client."""
        return command.run(
            self.directory, *arguments, code=code, stdin=stdin, GATEWAY_TOKEN=self.tokens[client]
        )


@pytest.fixture(scope="module")
def shared_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A gateway that a module's tests have one after the other."""
    ingress = FakeIngress()
    ingress.start()
    running = Console(tmp_path_factory.mktemp("console"), ingress)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        ingress.stop()


@pytest.fixture
def console(shared_console: Console) -> Console:
    """The same, with a Restate that accepts everything."""
    shared_console.ingress.react = lambda call: ACCEPT
    return shared_console
