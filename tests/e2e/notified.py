"""A service whose provider sends nothing but the id of what changed: the tests serve it to Restate."""

from __future__ import annotations

import os
from datetime import timedelta

import httpx
import restate
from pydantic import BaseModel
from restate import Context, RunOptions, Service

from gateway.client import CallbackEvent, Callbacks

#: The provider's API.
provider = httpx.AsyncClient(base_url=os.environ["PROVIDER_URL"], trust_env=False)
callbacks = Callbacks.from_env(inbox="NotifiedInbox")

shop = Service("Shop")


class Changed(BaseModel):
    """What the provider sends."""

    id: str


class Payment(BaseModel):
    """What the provider says when it is asked."""

    id: str
    status: str


@shop.handler()
async def pay(ctx: Context, order: str) -> Payment:
    """Create a payment, and wait until the provider itself says that it is paid or never will be."""
    callback = await callbacks.stream(ctx, source="mollie", timeout=timedelta(minutes=5), data=Changed)

    async def create() -> Payment:
        body = {"order": order, "webhookUrl": callback.url}
        return Payment.model_validate((await provider.post("/v2/payments", json=body)).json())

    payment = await ctx.run_typed("create payment", create, RunOptions())

    async def confirm(event: CallbackEvent[Changed]) -> Payment | None:
        assert event.verified == "notification"
        # The id that was sent is anybody's: what is asked for is the payment that was made here.
        found = Payment.model_validate((await provider.get(f"/v2/payments/{payment.id}")).json())
        return found if found.status in ("paid", "failed", "expired") else None

    return await callback.result(confirm)


app = restate.app(callbacks.bind(shop))
