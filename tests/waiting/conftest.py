"""Callbacks that real invocations wait for, behind a real gateway that watches them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from stack.part import Part
from stack.ports import free_ports
from stack.stack import Stack

# Fixtures: a gateway without Restate, and a ledger in each store.
from tests.gateway.conftest import own_ingress, start_gateway  # noqa: F401
from tests.ledger.conftest import ledger, migrated, path  # noqa: F401
from tests.waiting.waiters import Waiters


@pytest.fixture(scope="module")
def waiters(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waiters]:
    """The handlers, registered at the stack's Restate."""
    directory = tmp_path_factory.mktemp("waiters")
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    part = Part(
        name="waiters",
        # Without workers: they would be processes of their own, and outlive the one that is killed.
        command=[
            *(sys.executable, "-m", "hypercorn", "--workers", "0"),
            *("--bind", bind, "tests.waiting.handlers:app"),
        ],
        environment={
            "GATEWAY_URL": stack.internal_url,
            "GATEWAY_TOKEN_FILE": str(stack.files.client_token),
            "MENDED_FILE": str(directory / "mended"),
        },
        log=directory / "waiters.log",
        ready=[f"http://{bind}/health"],
    )
    part.start()
    try:
        part.wait_ready()
        stack.restate.register(f"http://{bind}")
        yield Waiters(stack, directory / "mended")
    finally:
        # The SDK takes SIGTERM away from hypercorn's own command; see services/__main__.py.
        part.kill()
