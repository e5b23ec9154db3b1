"""
The pytest plugin of the test kit: the fixture `webhook_gateway`.

pytest imports this in every project where the package is installed, so it imports nothing of the gateway
until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gateway.testing import WebhookGateway


@pytest.fixture
def webhook_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookGateway]:
    """
    A running gateway of the test's own, for which Restate is faked.

    A fixture of the same name in your conftest.py takes its place: with another scope, or with a Restate that
    runs (`gateway.testing.running`).
    """
    try:
        from gateway.testing import running
    except ModuleNotFoundError as error:
        raise pytest.fail.Exception(
            f"the fixture webhook_gateway needs the gateway itself, and {error.name} is not installed: "
            "pip install 'webhook-gateway[testing]'",
            pytrace=False,
        ) from None
    with running(tmp_path_factory.mktemp("webhook-gateway")) as gateway:
        yield gateway
