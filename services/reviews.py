"""A workflow that waits for a review: its other handlers submit or refuse it, by its name alone."""

from __future__ import annotations

from datetime import timedelta

import restate
from pydantic import BaseModel
from restate import RunOptions, TerminalError, Workflow, WorkflowContext, WorkflowSharedContext

from services.mailer import send_email

reviews = Workflow("Reviews")
REVIEW = "review"


class Document(BaseModel):
    """A text, and who is asked what they think of it."""

    text: str
    reviewer: str
    wait: timedelta = timedelta(days=1)


@reviews.main()
async def run(ctx: WorkflowContext, document: Document) -> str:
    """Ask for a review and wait for it; a refusal and a timeout are the workflow's errors."""
    await ctx.run_typed("ask review", ask_review, RunOptions(), ctx.key(), document.reviewer)
    review = ctx.promise(REVIEW, type_hint=str).value()
    match await restate.select(review=review, timeout=ctx.sleep(document.wait)):
        case ["review", text]:
            return f"reviewed: {text}"
        case _:
            raise TerminalError("nobody reviewed it in time", status_code=504)


async def ask_review(document: str, reviewer: str) -> None:
    """Tell the reviewer where to submit: the workflow's key is all they need, and it is no secret."""
    await send_email(
        reviewer,
        f"Please review {document}",
        "Submit what you think of it, or refuse.",
        f"/Reviews/{document}/submit_review",
        idempotency_key=f"review-{document}",
    )


@reviews.handler()
async def submit_review(ctx: WorkflowSharedContext, text: str) -> None:
    """Complete the promise. An empty review is refused, as is a second one (by Restate, with 409)."""
    if not text.strip():
        raise TerminalError("an empty review helps nobody", status_code=422)
    await ctx.promise(REVIEW, type_hint=str).resolve(text)


@reviews.handler()
async def refuse_review(ctx: WorkflowSharedContext, reason: str) -> None:
    """Reject the promise."""
    await ctx.promise(REVIEW).reject(f"the review was refused: {reason}")
