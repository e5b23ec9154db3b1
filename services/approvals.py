"""A service that asks a person, by a page that the gateway shows, and goes on without an answer in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel
from restate import Context, RunOptions, Service

from gateway.client import CallbackRejected, CallbackTimedOut
from services.callbacks import callbacks
from services.mailer import send_email

approvals = Service("Approvals")


class Request(BaseModel):
    """What is to be approved, by whom (one answer is enough), and for how long that is waited for."""

    title: str
    detail: str = ""
    fields: dict[str, str] = {}
    approvers: list[str]
    wait: timedelta = timedelta(days=1)


class Answer(BaseModel):
    """What came of it, who decided, and what they wrote."""

    status: Literal["approved", "rejected", "timed out"]
    by: str | None = None
    comment: str | None = None


@approvals.handler()
async def request(ctx: Context, asked: Request) -> Answer:
    """Send every approver a link of their own, and wait for the first who decides."""
    approval = await callbacks.approval(
        ctx,
        title=asked.title,
        detail=asked.detail or None,
        fields=asked.fields or None,
        recipients=asked.approvers,
        timeout=asked.wait,
    )
    for number, approver in enumerate(asked.approvers):
        await ctx.run_typed(
            f"e-mail {number}",
            send_email,
            RunOptions(),
            approver,
            f"Please decide: {asked.title}",
            asked.detail,
            approval.url(approver),
            idempotency_key=f"{approval.id}-{number}",
        )
    try:
        decision = (await approval.result()).data
    except CallbackRejected as rejected:
        decision = rejected.event.data
        return Answer(status="rejected", by=decision.recipient, comment=decision.comment)
    except CallbackTimedOut:
        return Answer(status="timed out")
    return Answer(status="approved", by=decision.recipient, comment=decision.comment)
