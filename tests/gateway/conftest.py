"""Running gateways: one that a module's tests share, and one of its own for a test that breaks things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import Webhook
from tests.gateway.wire import Answered, exchange, post

StartGateway = Callable[..., RunningGateway]
Send = Callable[..., Answered]


@pytest.fixture(scope="module")
def ingress() -> Iterator[FakeIngress]:
    """The ingress of the shared gateway: it accepts everything."""
    server = FakeIngress()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, ingress: FakeIngress) -> Iterator[RunningGateway]:
    """A running gateway that the module's tests share: none of them may change its parts."""
    running = RunningGateway(tmp_path_factory.mktemp("gateway"), [ingress.url])
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def own_ingress() -> Iterator[FakeIngress]:
    """An ingress of the test's own, to be told how to fail."""
    server = FakeIngress()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start_gateway(tmp_path: Path, own_ingress: FakeIngress) -> Iterator[StartGateway]:
    """Start a gateway of the test's own; `ingress_urls` are those of `own_ingress` unless given."""
    started: list[RunningGateway] = []

    def start(ingress_urls: list[str] | None = None, **options: Any) -> RunningGateway:
        running = RunningGateway(
            tmp_path / f"gateway-{len(started)}", ingress_urls or [own_ingress.url], **options
        )
        started.append(running)
        running.start()
        return running

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def own_gateway(start_gateway: StartGateway) -> RunningGateway:
    """A gateway of the test's own."""
    return start_gateway()


@pytest.fixture
def send(gateway: RunningGateway) -> Send:
    """Post a webhook to a path, byte by byte as it is written here."""

    def sending(path: str, webhook: Webhook, host: str = "gateway") -> Answered:
        return exchange(gateway.address, post(path, webhook.body, webhook.headers, host))

    return sending
