"""A workflow that others wait for: its `run` completes a promise, which its other handlers await and peek."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel
from restate import RunOptions, TerminalError, Workflow, WorkflowContext, WorkflowSharedContext

from services.acmepay import PaymentEvent, create_payment
from services.callbacks import callbacks

orders = Workflow("Orders")
#: What became of the order, as a sentence; rejected where the order could not be completed.
COMPLETED = "order-completed"


class Goods(BaseModel):
    """What is ordered, and its price in minor units."""

    item: str
    price: int
    currency: str = "EUR"
    wait: timedelta = timedelta(hours=1)


@orders.main()
async def run(ctx: WorkflowContext, goods: Goods) -> str:
    """Take the payment, then tell everybody who waits."""
    callback = await callbacks.create(ctx, source="acmepay", timeout=goods.wait, data=PaymentEvent)
    await ctx.run_typed(
        "create payment",
        create_payment,
        RunOptions(),
        goods.price,
        goods.currency,
        goods.item,
        webhook_url=callback.url,
        idempotency_key=callback.id,
    )
    try:
        payment = (await callback.result()).data.data
    except TerminalError as error:
        # Whoever waits learns why; without this they would wait for ever.
        await ctx.promise(COMPLETED).reject(f"{goods.item} was not sold: {error.message}")
        raise
    message = f"{goods.item} was sold with payment {payment.id}"
    await ctx.promise(COMPLETED, type_hint=str).resolve(message)
    return message


@orders.handler()
async def wait_for_completion(ctx: WorkflowSharedContext) -> str:
    """Wait for the order, however many ask: its message, or its error."""
    return await ctx.promise(COMPLETED, type_hint=str)


@orders.handler()
async def status(ctx: WorkflowSharedContext) -> str | None:
    """The message where the order is completed already, None before; the error where it failed."""
    return await ctx.promise(COMPLETED, type_hint=str).peek()
