"""A simulated world whose webhooks go to a receiver in the same process."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.app import Secrets, create_app
from simulator.sending import Sender
from tests.simulator.receiver import Receiver

SECRETS = Secrets(acmepay=f"whsec_{base64.b64encode(b'k' * 32).decode()}", idcheck="the secret of idcheck")


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def world(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    # Repeats within milliseconds: nine of them in 0.03 s.
    sender = Sender(time_scale=1e-7, transport=httpx.ASGITransport(receiver))
    app = httpx.ASGITransport(create_app(SECRETS, sender))
    async with httpx.AsyncClient(transport=app, base_url="http://world") as client:
        yield client
    await sender.close()


@pytest.fixture
async def payment(world: httpx.AsyncClient) -> dict[str, Any]:
    """A pending payment whose webhooks go to the receiver's /hook."""
    created = await world.post("/v1/payments", json=new_payment())
    return dict(json.loads(created.content))


def new_payment(**changes: Any) -> dict[str, Any]:
    """The body that creates a payment."""
    return {
        "amount": 4200,
        "currency": "EUR",
        "description": "a chair",
        "webhook_url": "http://receiver/hook",
        "reference": "ref-1",
        **changes,
    }
