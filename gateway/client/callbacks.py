"""Asking the gateway for callbacks from inside a Restate handler."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Required, TypedDict, Unpack, cast
from weakref import WeakKeyDictionary

from restate import (
    Context,
    RestateDurableFuture,
    Service,
    VirtualObject,
    Workflow,
    WorkflowContext,
    WorkflowSharedContext,
)
from restate.serde import BytesSerde
from restate.server_context import ServerInvocationContext

from gateway.client.api import GatewayApi
from gateway.client.callback import Action, Approval, Callback, Issued
from gateway.client.event import Data
from gateway.client.inbox import DELIVER, FORGET, make_inbox
from gateway.client.promises import HANDLER, add_handler
from gateway.client.stream import Stream
from gateway.secret import Secret

#: A URL lives this much longer than its callback's timeout, so that a late event is seen as late.
_GRACE = timedelta(minutes=15)
#: An inbox is emptied this long after its stream's timeout, whatever became of its handler.
_FORGET_AFTER = timedelta(days=1)


class Expectation(TypedDict, total=False):
    """
    What is waited for.

    `timeout` is how long from now. `succeed_on` and `fail_on` are event types (`payment.*` for all that
    begin so) in place of the source's own. `label` (with which a later callback of the same target takes
    the place of an older one) and `metadata` are for people who look at the gateway's console.
    """

    source: Required[str]
    timeout: Required[timedelta]
    label: str | None
    metadata: Mapping[str, str] | None
    succeed_on: Sequence[str] | None
    fail_on: Sequence[str] | None


class Question(TypedDict, total=False):
    """
    What people are asked.

    `fields` are shown as a table. The `actions` are Approve and Reject unless others are given. `promise`,
    in a workflow, names the promise that the decision resolves. The rest is as in `Expectation`.
    """

    title: Required[str]
    recipients: Required[Sequence[str]]
    timeout: Required[timedelta]
    detail: str | None
    fields: Mapping[str, str] | None
    actions: Sequence[Action] | None
    label: str | None
    metadata: Mapping[str, str] | None
    promise: str | None


class Callbacks:
    """
    The gateway as a service sees it. One object serves all handlers of a process.

    `inbox` is the name of the virtual object that streams need: every group of services that is deployed
    on its own and uses streams needs another one.
    """

    def __init__(self, gateway: GatewayApi, inbox: str = "GatewayInbox") -> None:
        self._gateway = gateway
        self._inbox = make_inbox(inbox)
        self._bound: set[str] = set()

    @classmethod
    def from_env(cls, inbox: str = "GatewayInbox") -> Callbacks:
        """Read `GATEWAY_URL`, and `GATEWAY_TOKEN` or, with a file's path, `GATEWAY_TOKEN_FILE`."""
        url, token, file = (os.environ.get(f"GATEWAY_{name}") for name in ("URL", "TOKEN", "TOKEN_FILE"))
        if not url:
            raise ValueError("GATEWAY_URL is not set: the address of the gateway's internal listener")
        if bool(token) == bool(file):
            raise ValueError("set one of GATEWAY_TOKEN and GATEWAY_TOKEN_FILE: the token of this service")
        return cls(GatewayApi(url, Path(file) if file else Secret(token or "")), inbox)

    def bind(self, *services: Service | VirtualObject | Workflow) -> list[Service | VirtualObject | Workflow]:
        """
        Make services ready for callbacks, and return all that `restate.app` has to serve.

        Adds the shared handler `gateway_callback` to workflows, and the inbox of streams to the list.
        """
        for service in services:
            if isinstance(service, Workflow):
                add_handler(service)
                self._bound.add(service.name)
        return [*services, self._inbox]

    async def create(
        self, ctx: Context, *, data: type[Data] | None = None, **expectation: Unpack[Expectation]
    ) -> Callback[Data]:
        """
        A callback for one final event; its data is read as `data`, by Pydantic's rules.

        Raises `TerminalError` where the gateway refuses; where it is away, Restate tries again.
        """
        name = _name(ctx, expectation["source"])
        awakeable, future = ctx.awakeable(serde=BytesSerde())
        issued = await self._issue(ctx, name, {"awakeable": awakeable}, expectation)
        return Callback(ctx, self._gateway, name, issued, expectation["timeout"], data, future)

    async def promise(
        self,
        ctx: WorkflowContext | WorkflowSharedContext,
        promise: str,
        *,
        data: type[Data] | None = None,
        **expectation: Unpack[Expectation],
    ) -> Callback[Data]:
        """
        As `create`, in a workflow that `bind` was called for: the event resolves the workflow's promise of
        this name, which its other handlers can await and peek as well (as bytes: the event's JSON).
        """
        name = _name(ctx, promise)
        target = self._promise_target(ctx, promise)
        future = ctx.promise(promise, serde=BytesSerde()).value()
        issued = await self._issue(ctx, name, target, expectation)
        return Callback(ctx, self._gateway, name, issued, expectation["timeout"], data, future)

    async def stream(
        self, ctx: Context, *, data: type[Data] | None = None, **expectation: Unpack[Expectation]
    ) -> Stream[Data]:
        """As `create`, for a provider that reports progress on one URL: every event counts."""
        name = _name(ctx, expectation["source"])
        key = await ctx.run_typed(f"{name}: inbox", _new_key)
        inbox = self._inbox.name
        # Now rather than at the end: a handler may end anywhere.
        ctx.generic_send(inbox, FORGET, b"", key=key, send_delay=expectation["timeout"] + _FORGET_AFTER)
        target = {"service": inbox, "key": key, "handler": DELIVER}
        issued = await self._issue(ctx, name, target, expectation)
        return Stream(ctx, self._gateway, name, issued, expectation["timeout"], data, (inbox, key))

    async def approval(self, ctx: Context, **question: Unpack[Question]) -> Approval:
        """A question to people, each with a link of their own: send them `approval.url(recipient)`."""
        promise = question.pop("promise", None)
        name = _name(ctx, promise or "approval")
        future: RestateDurableFuture[bytes]
        if promise is None:
            awakeable, future = ctx.awakeable(serde=BytesSerde())
            target = {"awakeable": awakeable}
        else:
            # One class of the SDK stands behind all its contexts; `_promise_target` sees to the workflow.
            workflow = cast(WorkflowContext, ctx)
            target = self._promise_target(workflow, promise)
            future = workflow.promise(promise, serde=BytesSerde()).value()
        issued = await self._issue(ctx, name, target, question, "/v1/approvals")
        return Approval(ctx, self._gateway, name, issued, question["timeout"], future)

    def _promise_target(self, ctx: WorkflowContext | WorkflowSharedContext, promise: str) -> dict[str, str]:
        # The SDK's public context does not tell which service its handler belongs to.
        assert isinstance(ctx, ServerInvocationContext)
        workflow = ctx.handler.service_tag.name
        if workflow not in self._bound:
            raise RuntimeError(
                f"the workflow {workflow} has no handler {HANDLER}: call callbacks.bind for it"
            )
        return {"workflow": workflow, "key": ctx.key(), "promise": promise, "handler": HANDLER}

    async def _issue(
        self,
        ctx: Context,
        name: str,
        target: Mapping[str, str],
        expectation: Mapping[str, Any],
        path: str = "/v1/callbacks",
    ) -> Issued:
        # A crash after the gateway has issued runs the second step again: the journal then has the key of
        # the first one, and the gateway answers what it answered before.
        key = await ctx.run_typed(f"{name}: key", _new_key)
        body = {what: value for what, value in expectation.items() if value is not None}
        body["expires_in"] = int((body.pop("timeout") + _GRACE).total_seconds())
        # A rejected awakeable carries a text only, a resolved one the whole event.
        body |= {"target": dict(target), "on_failure": "resolve"}

        async def issue() -> Issued:
            return Issued.model_validate(await self._gateway.issue(path, body, key))

        return await ctx.run_typed(f"{name}: issue", issue)


def _new_key() -> str:
    return str(uuid.uuid4())


#: Counts the callbacks of each running attempt, so that their journal entries can be told apart.
_numbers: WeakKeyDictionary[Context, Iterator[int]] = WeakKeyDictionary()


def _name(ctx: Context, what: str) -> str:
    """The beginning of a callback's journal entries: the same in every attempt."""
    return f"callback {next(_numbers.setdefault(ctx, count(1)))} ({what})"
