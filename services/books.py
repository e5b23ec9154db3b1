"""The books: every entry that was made for a payment, so that a second one would be seen."""

from __future__ import annotations

from restate import ObjectContext, ObjectSharedContext, VirtualObject

#: The key is the payment's id.
books = VirtualObject("Books")


@books.handler()
async def enter(ctx: ObjectContext, amount: int) -> None:
    """Enter an amount in minor units."""
    entries = await ctx.get("entries", type_hint=list) or []
    ctx.set("entries", [*entries, amount])


@books.handler(kind="shared")
async def entries(ctx: ObjectSharedContext) -> list[int]:
    """The amounts entered so far."""
    return await ctx.get("entries", type_hint=list) or []
