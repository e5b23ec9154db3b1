"""A workflow in three steps, each of which waits on a named promise for somebody else, by the gateway."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel
from restate import RunOptions, Workflow, WorkflowContext, WorkflowSharedContext

from gateway.client import CallbackRejected
from services.callbacks import callbacks
from services.idcheck import CheckEvent, start_check
from services.mailer import send_email

onboarding = Workflow("Onboarding")


class Applicant(BaseModel):
    """Who wants to join, and who decides in the end; each step may take `wait`."""

    name: str
    email: str
    reviewer: str
    wait: timedelta = timedelta(days=3)


class Onboarded(BaseModel):
    """How it ended, and why where somebody said no."""

    status: Literal["approved", "document rejected", "rejected by the reviewer"]
    reason: str | None = None


@onboarding.main()
async def run(ctx: WorkflowContext, applicant: Applicant) -> Onboarded:
    """E-mail address, document, reviewer. A step that takes too long is the workflow's error."""
    await _verify_email(ctx, applicant)
    try:
        await _check_document(ctx, applicant)
    except CallbackRejected as rejected:
        return Onboarded(status="document rejected", reason=rejected.event.reason)
    try:
        await _review(ctx, applicant)
    except CallbackRejected as rejected:
        comment = rejected.event.data.comment
        return Onboarded(status="rejected by the reviewer", reason=comment)
    ctx.set("step", "done")
    return Onboarded(status="approved")


async def _verify_email(ctx: WorkflowContext, applicant: Applicant) -> None:
    ctx.set("step", "e-mail")
    # The mail service signs nothing: that somebody knows the link is the proof, and all that is needed.
    callback = await callbacks.promise(ctx, "email-verified", source="mailer", timeout=applicant.wait)
    await ctx.run_typed(
        "send e-mail",
        send_email,
        RunOptions(),
        applicant.email,
        "Please confirm your address",
        f"Welcome, {applicant.name}.",
        callback.url,
        idempotency_key=callback.id,
    )
    await callback.result()


async def _check_document(ctx: WorkflowContext, applicant: Applicant) -> None:
    ctx.set("step", "document")
    callback = await callbacks.promise(
        ctx, "document-checked", source="idcheck", timeout=applicant.wait, data=CheckEvent
    )
    await ctx.run_typed(
        "start check", start_check, RunOptions(), applicant.name, callback.url, idempotency_key=callback.id
    )
    await callback.result()


async def _review(ctx: WorkflowContext, applicant: Applicant) -> None:
    ctx.set("step", "review")
    approval = await callbacks.approval(
        ctx,
        title=f"Let {applicant.name} in?",
        fields={"E-mail": applicant.email, "Document": "clear"},
        recipients=[applicant.reviewer],
        timeout=applicant.wait,
        promise="review",
    )
    await ctx.run_typed(
        "ask reviewer",
        send_email,
        RunOptions(),
        applicant.reviewer,
        f"Please review {applicant.name}",
        "The address is confirmed, the document is clear.",
        approval.url(applicant.reviewer),
        idempotency_key=approval.id,
    )
    await approval.result()


@onboarding.handler()
async def step(ctx: WorkflowSharedContext) -> str | None:
    """The step that is waited for."""
    return await ctx.get("step", type_hint=str)
