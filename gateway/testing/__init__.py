"""
A test kit for services that wait for callbacks: a gateway and providers that sign, in a pytest fixture.

    async def test_a_payment_is_taken_once(webhook_gateway):
        stripe = webhook_gateway.provider("stripe")
        callback = await webhook_gateway.callback(stripe)
        await stripe.deliver("payment_intent.succeeded", to=callback, times=3)
        assert callback.outcomes == ["completed", "duplicate", "duplicate"]

The gateway is the real one: its tokens, its verification, its rules, its ledger on disk, two listeners on
loopback. Restate is faked unless the address of one that runs is given. The fixture comes with the package
(`gateway.pytest_plugin`); docs/testing.md tells the rest.
"""

from gateway.sending.posting import Answered
from gateway.testing.callback import Callback
from gateway.testing.fake_restate import FakeRestate, Received
from gateway.testing.provider import SimulatedProvider
from gateway.testing.webhook_gateway import WebhookGateway, running

__all__ = [
    "Answered",
    "Callback",
    "FakeRestate",
    "Received",
    "SimulatedProvider",
    "WebhookGateway",
    "running",
]
