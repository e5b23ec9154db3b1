"""
The inbox of a stream: a virtual object that keeps events until the handler asks, and gives them in order.

It is an object of its own because a handler that waits holds the key of its own object, so nothing could
be delivered there. Its key is one stream's; it lives in `next` (the number of the event that is to be
handed over), `waiter` (the awakeable of the handler that asked) and one entry for each event that waits.
"""

from __future__ import annotations

import json

from restate import ObjectContext, TerminalError, VirtualObject
from restate.serde import BytesSerde

DELIVER, ASK, FORGET = "deliver", "ask", "forget"
_BYTES = BytesSerde()


def make_inbox(name: str) -> VirtualObject:
    """The virtual object, under the name that the gateway delivers to."""
    inbox = VirtualObject(name, description="Events of webhook streams that wait for their handlers")

    @inbox.handler(DELIVER, input_serde=_BYTES)
    async def deliver(ctx: ObjectContext, event: bytes) -> None:
        """Take an event from the gateway; one that was handed over already is dropped."""
        sequence = _sequence(event)
        if sequence >= await _next(ctx):
            ctx.set(_entry(sequence), event, _BYTES)
            await _hand_over(ctx)

    @inbox.handler(ASK, ingress_private=True)
    async def ask(ctx: ObjectContext, awakeable: str) -> None:
        """Resolve the awakeable with the next event, now or when it comes."""
        ctx.set("waiter", awakeable)
        await _hand_over(ctx)

    @inbox.handler(FORGET, ingress_private=True)
    async def forget(ctx: ObjectContext) -> None:
        """Drop everything: the stream's time is over."""
        ctx.clear_all()

    return inbox


async def _hand_over(ctx: ObjectContext) -> None:
    number = await _next(ctx)
    waiter = await ctx.get("waiter", type_hint=str)
    event = await ctx.get(_entry(number), _BYTES)
    if waiter is None or event is None:
        return
    ctx.resolve_awakeable(waiter, event, _BYTES)
    ctx.clear("waiter")
    ctx.clear(_entry(number))
    ctx.set("next", number + 1)


async def _next(ctx: ObjectContext) -> int:
    return await ctx.get("next", type_hint=int) or 1


def _entry(sequence: int) -> str:
    return f"event-{sequence}"


def _sequence(event: bytes) -> int:
    try:
        sequence = json.loads(event)["sequence"]
    except (ValueError, KeyError, TypeError):
        sequence = None
    if not isinstance(sequence, int) or sequence < 1:
        raise TerminalError("an event with a sequence number from 1 is needed", status_code=400)
    return sequence
