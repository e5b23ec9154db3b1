"""
Handlers that count what reaches them, in their own state, so that Restate itself tells what took effect.

Served by `python -m hypercorn tests.faults.tally:app`.
"""

from __future__ import annotations

from typing import Any

import restate
from restate import ObjectContext, VirtualObject

#: Takes events by `send`: what is not deduplicated on its way is counted twice.
taker = VirtualObject("Taker")
#: Waits for one event on an awakeable whose id it keeps in its state.
waiter = VirtualObject("Waiter")
app = restate.app([taker, waiter])


@taker.handler()
async def take(ctx: ObjectContext, event: dict[str, Any]) -> None:
    """Count an event."""
    await _count(ctx, event)


@waiter.handler()
async def wait(ctx: ObjectContext) -> None:
    """Wait for an event, then count it."""
    awakeable, future = ctx.awakeable(type_hint=dict)
    ctx.set("awakeable", awakeable)
    await _count(ctx, await future)


async def _count(ctx: ObjectContext, event: dict[str, Any]) -> None:
    taken = await ctx.get("taken", type_hint=list) or []
    ctx.set("taken", [*taken, event["id"]])
