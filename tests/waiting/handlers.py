"""Handlers that wait for an awakeable and tell nobody when they give up: the tests serve them to Restate."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import restate
from pydantic import BaseModel
from restate import Context, Service, Workflow, WorkflowContext
from restate.retry_policy import InvocationRetryPolicy
from restate.serde import BytesSerde

#: While there is no file here, `broken` fails.
MENDED = Path(os.environ["MENDED_FILE"])

gateway = httpx.AsyncClient(
    base_url=os.environ["GATEWAY_URL"],
    headers={"authorization": f"Bearer {Path(os.environ['GATEWAY_TOKEN_FILE']).read_text()}"},
    trust_env=False,
)

waiter = Service("Waiter")
rerun = Workflow("Rerun")
app = restate.app([waiter, rerun])


class Ask(BaseModel):
    """How long to wait, and the label of the callback."""

    label: str
    seconds: float = 600


async def asked(ctx: Context | WorkflowContext, ask: Ask) -> Any:
    """The future of an awakeable whose callback was issued."""
    awakeable, future = ctx.awakeable(serde=BytesSerde())

    async def issue() -> dict[str, Any]:
        body = {"source": "acmepay", "target": {"awakeable": awakeable}, "label": ask.label}
        answer = await gateway.post("/v1/callbacks", json=body)
        answer.raise_for_status()
        issued: dict[str, Any] = answer.json()
        return issued

    await ctx.run_typed("issue", issue)
    return future


async def ended(ctx: Context | WorkflowContext, ask: Ask) -> str:
    """Which of the two came first, `event` or `timeout`."""
    future = await asked(ctx, ask)
    which, _ = await restate.select(event=future, timeout=ctx.sleep(timedelta(seconds=ask.seconds)))
    return str(which)


@waiter.handler()
async def wait(ctx: Context, ask: Ask) -> str:
    return await ended(ctx, ask)


@waiter.handler(invocation_retry_policy=InvocationRetryPolicy(max_attempts=1, on_max_attempts="pause"))
async def broken(ctx: Context, ask: Ask) -> str:
    future = await asked(ctx, ask)
    if not MENDED.exists():  # noqa: ASYNC240  # a test's, and nobody else runs here
        raise RuntimeError("broken until it is mended")
    await future
    return "event"


# Restate forgets it the moment it ends.
@waiter.handler(journal_retention=timedelta(0), idempotency_retention=timedelta(0))
async def forgotten(ctx: Context, ask: Ask) -> str:
    return await ended(ctx, ask)


@rerun.main()
async def run(ctx: WorkflowContext, ask: Ask) -> str:
    return await ended(ctx, ask)
