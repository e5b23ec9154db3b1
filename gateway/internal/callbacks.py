"""`/v1/callbacks` and `/v1/approvals`: issue, look at, close, revoke, give an alias."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query

from gateway import targets, urls
from gateway.errors import Invalid, IssuingTooFast, NotFound
from gateway.gateway import Gateway
from gateway.internal.clients import AuthenticatedCaller, Caller, RunningGateway
from gateway.internal.models import (
    AliasRequest,
    AliasView,
    ApprovalRequest,
    CallbackDetail,
    CallbackPage,
    CallbackRequest,
    CallbackView,
    IssuedApproval,
    IssuedCallback,
    StateView,
)
from gateway.ledger import issuing
from gateway.ledger.issuing import Issued
from gateway.ledger.records import Callback
from gateway.log import logger
from gateway.outcome import State
from gateway.public.approvals import SOURCE as APPROVALS
from gateway.public.receive import complete
from gateway.rates import Bucket, Rate
from gateway.rules import Rules
from gateway.status import Waiting
from gateway.targets import Awakeable

router = APIRouter(prefix="/v1")

#: A month of them is a GiB for a million callbacks.
_MAX_METADATA = 4096
#: Issuing is off the path of a webhook: it may wait longer for a busy disk.
_WRITE_SECONDS = 5.0

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
]


@router.post("/callbacks", status_code=201, summary="Issue a callback URL")
async def issue_callback(
    request: CallbackRequest,
    gateway: RunningGateway,
    caller: AuthenticatedCaller,
    idempotency_key: IdempotencyKey = None,
) -> IssuedCallback:
    """Issue a callback. The same `Idempotency-Key` gives the same answer, after a rotation as well."""
    caller.may_use(request.source)
    source = gateway.sources.get(request.source)
    if source is None:
        known = ", ".join(gateway.sources.by_name) or "none"
        raise Invalid(
            f'source: there is no source "{request.source}" in the configuration; there are {known}'
        )
    rules = None
    if request.succeed_on is not None or request.fail_on is not None:
        rules = Rules(
            source.rules.succeed_on if request.succeed_on is None else tuple(request.succeed_on),
            source.rules.fail_on if request.fail_on is None else tuple(request.fail_on),
        )
    signed = gateway.ring.primary.id if source.gives_url else ""
    callback = _new(gateway, caller, request, request.source, rules, signed)
    effective = rules or source.rules
    if not callback.stream and not (effective.succeed_on or effective.fail_on):
        raise Invalid(
            f'succeed_on: neither this request nor the source "{source.name}" names an event type that '
            "ends the wait, so nothing ever would; name one in either"
        )
    issued = await _issue(gateway, caller, callback, idempotency_key, request.model_dump_json())
    url = None
    if issued.callback.key_id:
        url = gateway.callback_url(issued.callback)
        if url is None:
            raise _key_gone(issued.callback)
    return IssuedCallback(
        id=issued.callback.id,
        url=url,
        account_url=gateway.account_url(source.name),
        reference=issued.callback.reference,
        expires_at=datetime.fromtimestamp(issued.callback.expires_at, UTC),
        key_id=issued.callback.key_id or None,
    )


@router.post("/approvals", status_code=201, summary="Ask people to decide")
async def issue_approval(
    request: ApprovalRequest,
    gateway: RunningGateway,
    caller: AuthenticatedCaller,
    idempotency_key: IdempotencyKey = None,
) -> IssuedApproval:
    """Issue an approval: one link a recipient, the first decision counts."""
    caller.may_use(APPROVALS)
    names = [action.name for action in request.actions]
    if len(set(names)) < len(names):
        raise Invalid("actions: each needs a name of its own")
    if len(set(request.recipients)) < len(request.recipients):
        raise Invalid("recipients: each may be named once")
    rules = Rules(
        tuple(f"approval.{action.name}" for action in request.actions if action.outcome == "succeed"),
        tuple(f"approval.{action.name}" for action in request.actions if action.outcome == "fail"),
    )
    asked = request.model_dump(mode="json", include={"title", "detail", "fields", "actions", "recipients"})
    callback = _new(gateway, caller, request, APPROVALS, rules, gateway.ring.primary.id, asked)
    issued = await _issue(gateway, caller, callback, idempotency_key, request.model_dump_json())
    key = gateway.ring.verifying(issued.callback.key_id)
    if key is None:
        raise _key_gone(issued.callback)
    return IssuedApproval(
        id=issued.callback.id,
        urls=urls.of_approval(issued.callback, gateway.ring, key),
        expires_at=datetime.fromtimestamp(issued.callback.expires_at, UTC),
        key_id=issued.callback.key_id,
    )


@router.get("/callbacks", summary="List callbacks, newest first")
async def list_callbacks(
    gateway: RunningGateway,
    caller: AuthenticatedCaller,
    state: State | None = None,
    source: str | None = None,
    label: str | None = None,
    orphaned: bool | None = None,
    client: str | None = None,
    cursor: Annotated[str, Query(pattern=r"^(cb_[0-9a-z]{26})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> CallbackPage:
    """The client's own callbacks, to ops everybody's; `cursor` is the `next` of the page before."""
    if client not in (None, caller.name):
        caller.may_operate()
    found = await gateway.ledger.read(
        issuing.listing(client or caller.owner, state, source, label, cursor, limit + 1, orphaned)
    )
    now = gateway.clock()
    more = found[limit - 1].id if len(found) > limit else None
    return CallbackPage(callbacks=[CallbackView.of(callback, now) for callback in found[:limit]], next=more)


@router.get("/callbacks/{callback_id}", summary="One callback and what came for it")
async def get_callback(
    callback_id: str, gateway: RunningGateway, caller: AuthenticatedCaller
) -> CallbackDetail:
    """
    A callback's state, the events that came for it with their outcomes, and whether it is still waited for.

    The last is asked of Restate, which gets a second for it.
    """
    callback, events = await gateway.ledger.read(issuing.get(callback_id, caller.owner))
    waiting: Waiting = "unknown"
    if isinstance(callback.target, Awakeable):
        waiting = await gateway.status.of(callback.target)
    return CallbackDetail.with_events(callback, events, waiting, gateway.clock())


@router.post("/callbacks/{callback_id}/close", summary="The service no longer waits")
async def close_callback(callback_id: str, gateway: RunningGateway, caller: AuthenticatedCaller) -> StateView:
    """Close a callback; 409 `completing` where an event has won: then its value is on its way."""
    operation = issuing.close(callback_id, caller.owner, gateway.clock())
    state = await gateway.ledger.write(operation, _WRITE_SECONDS)
    logger.info("closed", callback=callback_id, state=state)
    return StateView(id=callback_id, state=state)


@router.delete("/callbacks/{callback_id}", summary="Revoke a callback")
async def revoke_callback(
    callback_id: str, gateway: RunningGateway, caller: AuthenticatedCaller
) -> StateView:
    """Revoke an open callback: what comes for it is recorded as `revoked` and answered 410."""
    operation = issuing.revoke(callback_id, caller.owner, gateway.clock())
    state = await gateway.ledger.write(operation, _WRITE_SECONDS)
    logger.info("revoked", callback=callback_id, state=state)
    return StateView(id=callback_id, state=state)


@router.post("/callbacks/{callback_id}/aliases", summary="A provider's object belongs to this callback")
async def add_alias(
    callback_id: str, request: AliasRequest, gateway: RunningGateway, caller: AuthenticatedCaller
) -> AliasView:
    """From now on, and for events that are here already, this object is for this callback."""

    def rules(source: str) -> Rules:
        found = gateway.sources.get(source)
        return found.rules if found else Rules(())

    operation = issuing.alias(callback_id, caller.owner, request.alias, gateway.clock(), rules)
    disposed = await gateway.ledger.write(operation, _WRITE_SECONDS)
    for one in disposed:
        outcome = await complete(gateway, one, time.monotonic() + _WRITE_SECONDS)
        logger.info("unparked", callback=callback_id, event_type=one.event_type, outcome=outcome)
    return AliasView(id=callback_id, alias=request.alias)


def _new(
    gateway: Gateway,
    caller: Caller,
    request: CallbackRequest | ApprovalRequest,
    source: str,
    rules: Rules | None,
    key_id: str,
    approval: dict[str, Any] | None = None,
) -> Callback:
    """The callback that a request asks for, not yet in the ledger."""
    now = gateway.clock()
    limits = gateway.settings.callbacks
    expires_in = limits.default_expiry if request.expires_in is None else request.expires_in
    if not timedelta(seconds=1) <= expires_in <= limits.max_expiry:
        raise Invalid(
            f"expires_in: between 1 second and {limits.max_expiry.total_seconds():.0f} seconds "
            "(callbacks.max_expiry) is needed"
        )
    if len(json.dumps(request.metadata)) > _MAX_METADATA:
        raise Invalid(f"metadata: at most {_MAX_METADATA} bytes of JSON are kept")
    return Callback(
        id=gateway.new_id("cb"),
        client=caller.name,
        source=source,
        target=targets.parse(request.target),
        rules=rules,
        on_failure=request.on_failure,
        label=request.label,
        metadata=request.metadata,
        reference=gateway.new_reference(),
        key_id=key_id,
        public_url=gateway.settings.public_url,
        created_at=now,
        expires_at=int(now + expires_in.total_seconds()),
        state=State.OPEN,
        approval=approval,
    )


async def _issue(
    gateway: Gateway, caller: Caller, callback: Callback, idempotency_key: str | None, request: str
) -> Issued:
    caller.may_aim(callback.target)
    bucket = await _admitted(gateway, caller, idempotency_key)
    if gateway.admin is not None:
        await gateway.admin.check(callback.target)
    digest = hashlib.sha256(request.encode()).digest()
    operation = issuing.issue(callback, idempotency_key, digest, caller.client.max_open)
    issued = await gateway.ledger.write(operation, _WRITE_SECONDS)
    if not issued.again:
        gateway.observer.metrics.issued(callback.source, callback.client)
    elif bucket is not None:
        bucket.give_back()
    while _unseen(gateway, issued):
        again = issuing.sign_again(issued.callback, gateway.ring.primary.id)
        issued = replace(issued, callback=await gateway.ledger.write(again, _WRITE_SECONDS))
    logger.info(
        "issued",
        callback=issued.callback.id,
        source=callback.source,
        client=callback.client,
        key=issued.callback.key_id,
        **({"again": True} if issued.again else {}),
        **({"superseded": issued.superseded} if issued.superseded else {}),
    )
    return issued


async def _admitted(gateway: Gateway, caller: Caller, idempotency_key: str | None) -> Bucket | None:
    """Count a request against its client's rate; what it was counted in, where it was."""
    if caller.client.rate is None:
        return None
    bucket = gateway.issuing.of(caller.name, Rate.parse(caller.client.rate))
    seconds = bucket.take(time.monotonic())
    if not seconds:
        return bucket
    # A repeat is answered all the same: whoever asks again has its callback already.
    if idempotency_key is not None and await gateway.ledger.read(
        issuing.issued_before(caller.name, idempotency_key)
    ):
        return None
    raise IssuingTooFast(
        f"clients.{caller.name}.rate: {caller.client.rate} is what this client may issue", seconds
    )


def _unseen(gateway: Gateway, issued: Issued) -> bool:
    """
    Whether the key changed while this was issued, so that it has to be signed with the one of now.

    Once a gateway has said that it signs with a new key, the old one may be retired as soon as no callback is
    open under it: no URL of it may be given out any more. Nobody has seen this one, either because it is new,
    or because its key was retired while it was open, which takes a first request that nobody waited for.
    """
    callback, ring = issued.callback, gateway.ring
    if not callback.key_id or callback.state is not State.OPEN:
        return False
    if issued.again:
        return ring.verifying(callback.key_id) is None
    return callback.key_id != ring.primary.id


def _key_gone(callback: Callback) -> Exception:
    return NotFound(
        f"the key {callback.key_id} that this callback's URL was signed with is retired; issue another"
    )
