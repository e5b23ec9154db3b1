"""The shared handler that resolves a workflow's promises with what the gateway sends."""

from __future__ import annotations

import json

from restate import TerminalError, Workflow, WorkflowSharedContext
from restate.serde import BytesSerde

from gateway.client.errors import is_cancellation

#: The gateway's default for a target that is a workflow's promise.
HANDLER = "gateway_callback"
_BYTES = BytesSerde()


def add_handler(workflow: Workflow) -> None:
    """Add the handler to a workflow, once."""
    if HANDLER in workflow.handlers:
        return

    @workflow.handler(HANDLER, input_serde=_BYTES)
    async def gateway_callback(ctx: WorkflowSharedContext, event: bytes) -> None:
        """Resolve or reject the promise that an event of the webhook gateway names."""
        name, rejection = _read(event)
        promise = ctx.promise(name, serde=_BYTES)
        try:
            if rejection is None:
                await promise.resolve(event)
            else:
                await promise.reject(rejection)
        except TerminalError as error:
            # 409: the promise was completed before, by this event or by a handler of the workflow.
            if error.status_code != 409 or is_cancellation(error):
                raise


def _read(event: bytes) -> tuple[str, str | None]:
    """The promise's name, and the error text where the event rejects it."""
    try:
        attributes = json.loads(event)
        name, rejection = attributes["promise"], attributes.get("reject")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        name, rejection = None, None
    if not isinstance(name, str) or not isinstance(rejection, str | None):
        raise TerminalError('an event with "promise" is needed', status_code=400)
    return name, rejection
