"""
The waiting side of a chaos run: `python -m tests.chaos.service --bind HOST:PORT`.

`ChaosBook`, by the wait's name, holds the ids of the events that took effect, one by one: a second effect
would be a second entry. `ChaosWaiter` waits for one event on an awakeable and enters it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import timedelta
from typing import Any

import httpx
import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config
from restate import Context, ObjectContext, ObjectSharedContext, RunOptions, Service, VirtualObject

from gateway.client import CallbackRejected, Callbacks

book = VirtualObject("ChaosBook")
waiter = Service("ChaosWaiter")
callbacks = Callbacks.from_env()
#: Longer than any run.
_TIMEOUT = timedelta(hours=2)


@book.handler()
async def take(ctx: ObjectContext, event: dict[str, Any]) -> None:
    """Enter an event."""
    entries = await ctx.get("events", type_hint=list) or []
    ctx.set("events", [*entries, event["id"]])


@book.handler(kind="shared")
async def entries(ctx: ObjectSharedContext) -> list[str]:
    """The ids of the events so far."""
    return await ctx.get("events", type_hint=list) or []


@waiter.handler()
async def wait(ctx: Context, name: str) -> None:
    """Ask for a callback, register it with the provider, and enter the event that comes."""
    callback = await callbacks.create(ctx, source="acmepay", timeout=_TIMEOUT, label=name)
    await ctx.run_typed("register", _register, RunOptions(), name, callback.url)
    try:
        event = await callback.result()
    except CallbackRejected as rejected:
        event = rejected.event
    await ctx.object_call(take, name, {"id": event.id})


async def _register(name: str, url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        answer = await client.post(os.environ["PROVIDER_URL"], json={"name": name, "url": url})
        answer.raise_for_status()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bind", required=True)
    config = Config.from_mapping(bind=[parser.parse_args().bind])
    asyncio.run(serve(restate.app(callbacks.bind(book, waiter)), config))
