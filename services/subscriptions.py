"""A virtual object that waits for a stream of events; whatever else its key is asked for queues behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel
from restate import ObjectContext, ObjectSharedContext, RunOptions, VirtualObject

from gateway.client import CallbackRejected, CallbackTimedOut
from services.acmepay import PaymentEvent, create_payment
from services.callbacks import callbacks

#: The key is the customer.
subscriptions = VirtualObject("Subscriptions")


class Plan(BaseModel):
    """What is subscribed to, and its price in minor units."""

    name: str
    price: int
    currency: str = "EUR"
    wait: timedelta = timedelta(hours=1)


class Subscription(BaseModel):
    """How it ended, and the types of the events that led there."""

    plan: str
    status: Literal["active", "declined", "timed out"]
    events: list[str]


@subscriptions.handler()
async def start(ctx: ObjectContext, plan: Plan) -> Subscription:
    """Take the first payment, and follow what the provider says of it."""
    stream = await callbacks.stream(ctx, source="acmepay", timeout=plan.wait, data=PaymentEvent)
    await ctx.run_typed(
        "create payment",
        create_payment,
        RunOptions(),
        plan.price,
        plan.currency,
        f"{plan.name} for {ctx.key()}",
        webhook_url=stream.url,
        idempotency_key=stream.id,
    )
    seen: list[str] = []
    ctx.set("events", seen)
    try:
        async for event in stream.events():
            seen.append(event.type)
            ctx.set("events", seen)
    except CallbackRejected as rejected:
        return Subscription(plan=plan.name, status="declined", events=[*seen, rejected.event.type])
    except CallbackTimedOut:
        return Subscription(plan=plan.name, status="timed out", events=seen)
    ctx.set("plan", plan.name)
    return Subscription(plan=plan.name, status="active", events=seen)


@subscriptions.handler()
async def cancel(ctx: ObjectContext) -> str | None:
    """End the subscription, once a `start` that still waits is through; the plan that was ended."""
    plan = await ctx.get("plan", type_hint=str)
    ctx.clear_all()
    return plan


@subscriptions.handler(kind="shared")
async def progress(ctx: ObjectSharedContext) -> list[str]:
    """The types of the events so far: a shared handler does not queue."""
    return await ctx.get("events", type_hint=list) or []
