"""A service that waits for its own awakeable: the least that shows a suspension."""

from __future__ import annotations

from pathlib import Path

import restate

waiting = restate.Service("StackWaiting")


@waiting.handler("wait")
async def wait(ctx: restate.Context, file: str) -> str:
    """Write the awakeable's id into a file, and wait for it."""
    awakeable, value = ctx.awakeable(type_hint=str)

    def tell() -> int:
        return Path(file).write_text(awakeable)

    await ctx.run_typed("tell", tell)
    return f"got {await value}"


app = restate.app([waiting])
