"""A service that takes payments: it waits for a provider, suspended, on an awakeable of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel
from restate import Context, RunOptions, Service

from gateway.client import CallbackEvent, CallbackRejected, CallbackTimedOut
from services import books
from services.acmepay import PaymentEvent, create_payment
from services.callbacks import callbacks

payments = Service("Payments")


class Order(BaseModel):
    """
    What is to be paid, in minor units, and for how long that is waited for.

    `busy` is how long the handler does something else before it waits: the event may come meanwhile.
    """

    amount: int
    currency: str = "EUR"
    description: str = ""
    wait: timedelta = timedelta(hours=1)
    busy: timedelta = timedelta(0)


class Receipt(BaseModel):
    """How it ended; `reason` is the provider's own words for a decline."""

    status: Literal["paid", "declined", "timed out"]
    payment: str
    reason: str | None = None


@payments.handler()
async def charge(ctx: Context, order: Order) -> Receipt:
    """Each payment has its own URL at the provider."""
    callback = await callbacks.create(ctx, source="acmepay", timeout=order.wait, data=PaymentEvent)
    payment = await ctx.run_typed(
        "create payment",
        create_payment,
        RunOptions(),
        order.amount,
        order.currency,
        order.description,
        webhook_url=callback.url,
        # Unique, and the same in every attempt: the provider makes one payment.
        idempotency_key=callback.id,
    )
    if order.busy:
        await ctx.sleep(order.busy)
    try:
        event = await callback.result()
    except CallbackRejected as rejected:
        return Receipt(status="declined", payment=payment.id, reason=rejected.event.reason)
    except CallbackTimedOut:
        return Receipt(status="timed out", payment=payment.id)
    return await _paid(ctx, event)


@payments.handler()
async def charge_on_account(ctx: Context, order: Order) -> Receipt:
    """
    The provider has one URL for the whole account; our reference travels in a field of the payment.

    What goes wrong is not caught here: the caller gets it as this handler's error.
    """
    callback = await callbacks.create(ctx, source="acmepay-account", timeout=order.wait, data=PaymentEvent)
    await ctx.run_typed(
        "create payment",
        create_payment,
        RunOptions(),
        order.amount,
        order.currency,
        order.description,
        reference=callback.reference,
        idempotency_key=callback.id,
    )
    return await _paid(ctx, await callback.result())


@payments.handler()
async def charge_by_alias(ctx: Context, order: Order) -> Receipt:
    """The provider has one URL for the account and no field for a reference: its own id is what we have."""
    callback = await callbacks.create(ctx, source="acmepay-account", timeout=order.wait, data=PaymentEvent)
    payment = await ctx.run_typed(
        "create payment",
        create_payment,
        RunOptions(),
        order.amount,
        order.currency,
        order.description,
        idempotency_key=callback.id,
    )
    if order.busy:
        await ctx.sleep(order.busy)
    await callback.alias(payment.id)
    return await _paid(ctx, await callback.result())


async def _paid(ctx: Context, event: CallbackEvent[PaymentEvent]) -> Receipt:
    payment = event.data.data
    await ctx.object_call(books.enter, payment.id, payment.amount)
    return Receipt(status="paid", payment=payment.id)
