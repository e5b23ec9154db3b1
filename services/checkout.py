"""A workflow that waits for a payment on a named promise, which the gateway's shared handler resolves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from restate import RunOptions, Workflow, WorkflowContext, WorkflowSharedContext
from restate.serde import BytesSerde

from gateway.client import CallbackEvent
from services.acmepay import PaymentEvent, create_payment
from services.callbacks import callbacks

checkout = Workflow("Checkout")
PAYMENT = "payment"


class Cart(BaseModel):
    """What is bought, in minor units."""

    total: int
    currency: str = "EUR"
    wait: timedelta = timedelta(hours=1)


class Confirmation(BaseModel):
    """A cart that is paid."""

    payment: str
    amount: int


@checkout.main()
async def run(ctx: WorkflowContext, cart: Cart) -> Confirmation:
    """Wait for the payment; a decline or a timeout is the workflow's error."""
    callback = await callbacks.promise(
        ctx, PAYMENT, source="acmepay", timeout=cart.wait, data=PaymentEvent, label=ctx.key()
    )
    await ctx.run_typed(
        "create payment",
        create_payment,
        RunOptions(),
        cart.total,
        cart.currency,
        f"cart {ctx.key()}",
        webhook_url=callback.url,
        idempotency_key=callback.id,
    )
    payment = (await callback.result()).data.data
    return Confirmation(payment=payment.id, amount=payment.amount)


@checkout.handler()
async def paid(ctx: WorkflowSharedContext) -> bool:
    """Whether the payment's event is there, without waiting for it; false for a declined one too."""
    event = await ctx.promise(PAYMENT, serde=BytesSerde()).peek()
    return event is not None and CallbackEvent[Any].model_validate_json(event).outcome == "succeeded"
