"""A desk where a question lies until somebody answers: an awakeable, completed by another handler."""

from __future__ import annotations

from restate import Context, ObjectContext, Service, TerminalError, VirtualObject

questions = Service("Questions")
#: The key is the question's number. It is an object of its own, since who waits would block its key.
desk = VirtualObject("Desk")


@questions.handler()
async def ask(ctx: Context, number: str) -> str:
    """Wait for the answer; a refusal is this handler's error."""
    awakeable, answer = ctx.awakeable(type_hint=str)
    # The id completes the awakeable, and more: it stays inside Restate.
    ctx.object_send(lay, number, awakeable)
    return await answer


@desk.handler(ingress_private=True)
async def lay(ctx: ObjectContext, awakeable: str) -> None:
    """Put a question on the desk."""
    ctx.set("question", awakeable)


@desk.handler()
async def answer(ctx: ObjectContext, text: str) -> None:
    """Resolve the awakeable."""
    ctx.resolve_awakeable(await _taken(ctx), text)


@desk.handler()
async def refuse(ctx: ObjectContext, reason: str) -> None:
    """Reject the awakeable."""
    ctx.reject_awakeable(await _taken(ctx), reason, failure_code=422)


async def _taken(ctx: ObjectContext) -> str:
    """The question on the desk, which is empty then."""
    awakeable = await ctx.get("question", type_hint=str)
    if awakeable is None:
        raise TerminalError("there is no question on this desk", status_code=404)
    ctx.clear("question")
    return awakeable
