"""Handlers that wait with the client, and say what they were told: served to a real Restate by the tests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import restate
from pydantic import BaseModel
from restate import Context, Service, TerminalError, Workflow, WorkflowContext, WorkflowSharedContext
from restate.serde import BytesSerde

from gateway.client import CallbackEvent, CallbackRejected, Callbacks, CallbackTimedOut, CallbackUnreadable
from gateway.client.api import GatewayApi
from gateway.secret import Secret

gateway = GatewayApi(
    os.environ["GATEWAY_URL"], Secret(os.environ["GATEWAY_TOKEN"]), close_within=timedelta(seconds=3)
)
callbacks = Callbacks(gateway)
probe = Service("Probe")
flow = Workflow("Flow")
app = restate.app(callbacks.bind(probe, flow))


class Ask(BaseModel):
    """What a handler is to ask for; each test has a label of its own."""

    label: str
    source: str = "acmepay"
    seconds: float = 60
    busy: float = 0
    typed: bool = False

    @property
    def timeout(self) -> timedelta:
        return timedelta(seconds=self.seconds)


class Payment(BaseModel):
    """A provider's data with an exact number in it."""

    id: str
    amount: Decimal


async def told(waiting: Awaitable[CallbackEvent[Any]]) -> dict[str, Any]:
    """What came of waiting, as JSON."""
    try:
        event = await waiting
    except (CallbackRejected, CallbackUnreadable) as error:
        about = error.event.model_dump(mode="json") if error.event else None
        return {"error": type(error).__name__, "message": error.message, "event": about}
    except CallbackTimedOut as error:
        return {"error": "CallbackTimedOut", "closed": error.closed}
    return {"event": event.model_dump(mode="json"), "type": type(event.data).__name__}


@probe.handler()
async def one(ctx: Context, ask: Ask) -> dict[str, Any]:
    callback = await callbacks.create(
        ctx, source=ask.source, timeout=ask.timeout, label=ask.label, data=Payment if ask.typed else None
    )
    if ask.busy:
        await ctx.sleep(timedelta(seconds=ask.busy))
    return {"id": callback.id, "reference": callback.reference, **await told(callback.result())}


@probe.handler()
async def two(ctx: Context, ask: Ask) -> list[dict[str, Any]]:
    first = await callbacks.create(ctx, source="acmepay", timeout=ask.timeout, label=f"{ask.label}-1")
    second = await callbacks.create(ctx, source="idcheck", timeout=ask.timeout, label=f"{ask.label}-2")
    return [await told(second.result()), await told(first.result())]


@probe.handler()
async def url_and_alias(ctx: Context, ask: Ask) -> str:
    callback = await callbacks.create(ctx, source=ask.source, timeout=ask.timeout, label=ask.label)
    await callback.alias("pi_123")
    return callback.url


@probe.handler()
async def given_up(ctx: Context, ask: Ask) -> list[bool]:
    callback = await callbacks.create(ctx, source=ask.source, timeout=ask.timeout, label=ask.label)
    return [await callback.close(), await callback.close()]


@probe.handler()
async def approval(ctx: Context, ask: Ask) -> dict[str, Any]:
    question = await callbacks.approval(
        ctx, title="A title", recipients=["ann", "bob"], timeout=ask.timeout, label=ask.label
    )
    return {"bob": question.url("bob"), **await told(question.result())}


@probe.handler()
async def stream(ctx: Context, ask: Ask) -> dict[str, Any]:
    events = await callbacks.stream(ctx, source=ask.source, timeout=ask.timeout, label=ask.label)
    seen: list[Any] = []
    try:
        async for event in events.events():
            seen.append([event.sequence, event.outcome])
    except TerminalError as error:
        return {"seen": seen, "error": type(error).__name__}
    return {"seen": seen}


@probe.handler()
async def stream_twice(ctx: Context, ask: Ask) -> list[int | None]:
    events = await callbacks.stream(ctx, source=ask.source, timeout=ask.timeout, label=ask.label)
    with contextlib.suppress(CallbackRejected):
        async for event in events.events():
            raise AssertionError(event.type)
    return [event.sequence async for event in events.events()]


@probe.handler()
async def first_of_stream(ctx: Context, ask: Ask) -> dict[str, Any]:
    events = await callbacks.stream(ctx, source=ask.source, timeout=ask.timeout, label=ask.label)
    seen: list[Any] = []
    closed = None
    async for event in events.events():
        seen.append([event.sequence, event.outcome])
        if closed is None:
            closed = await events.close()
    return {"seen": seen, "closed": closed}


@probe.handler()
async def confirmed(ctx: Context, ask: Ask) -> str:
    async def confirm(event: CallbackEvent[Any]) -> str | None:
        return f"paid in {event.data}" if event.data == "full" else None

    events = await callbacks.stream(
        ctx, source=ask.source, timeout=ask.timeout, label=ask.label, succeed_on=[]
    )
    return await events.result(confirm)


@flow.main()
async def run(ctx: WorkflowContext, ask: Ask) -> dict[str, Any]:
    callback = await callbacks.promise(
        ctx, "payment", source=ask.source, timeout=ask.timeout, label=ask.label
    )
    question = await callbacks.approval(
        ctx, title="A title", recipients=["ann"], timeout=ask.timeout, promise="approval"
    )
    first = await told(callback.result())
    if "error" not in first:
        await question.close()
    return first


@flow.handler()
async def peek(ctx: WorkflowSharedContext) -> bool:
    return await ctx.promise("payment", serde=BytesSerde()).peek() is not None
