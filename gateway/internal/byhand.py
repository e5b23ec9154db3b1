"""`/v1/callbacks/{id}/complete`: ops complete a callback by hand, where its provider never will."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from gateway import strict_json
from gateway.delivery import Delivery, Event, Headers
from gateway.errors import Invalid, Malformed, NotFound
from gateway.gateway import Gateway
from gateway.internal.clients import AuthenticatedCaller, RunningGateway
from gateway.internal.models import ShortText
from gateway.ledger import byhand, issuing
from gateway.ledger.records import Callback, Proposal
from gateway.log import logger
from gateway.outcome import Outcome
from gateway.public.receive import complete
from gateway.rules import Rules, Verdict

#: The source that such an event comes from; no provider has signed it.
SOURCE = "manual"
_SECONDS = 5.0

router = APIRouter(prefix="/v1")

EventType = Annotated[
    ShortText, Query(min_length=1, description="the event's type; the rules' first if none")
]
Reason = Annotated[ShortText, Query(description="of a failure, for the waiting code")]


class CompletedView(BaseModel):
    """
    What became of it: `completed`, or `pending` where Restate is not reached yet.

    `delivery_id` is the record of it, with who did it and when.
    """

    id: str
    delivery_id: str
    type: str
    outcome: Outcome


@router.post(
    "/callbacks/{callback_id}/complete",
    summary="Complete a callback by hand (ops)",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {}}}},
)
async def complete_callback(
    callback_id: str,
    request: Request,
    gateway: RunningGateway,
    caller: AuthenticatedCaller,
    outcome: Literal["succeeded", "failed"] = "succeeded",
    type: EventType | None = None,  # noqa: A002  # the parameter's name in the API
    reason: Reason | None = None,
) -> CompletedView:
    """
    The body, any JSON, is what the waiting code gets as `data`, byte for byte.

    Its event has the source and the provider `manual`. It claims the callback as a provider's event does: 409
    where another one has won, or where it is closed, revoked or expired.
    """
    caller.may_operate()
    callback = await gateway.ledger.read(issuing.find(callback_id))
    if callback is None:
        raise NotFound("there is no callback with this id")
    data = await request.body()
    try:
        strict_json.read(data)
    except Malformed as error:
        raise Invalid(f"body: JSON is needed: {error.detail}") from None
    verdict = Verdict(outcome)
    event_type = type or _usual_type(gateway, callback, verdict)
    event = Event(id=None, type=event_type, data=data, json=True, reason=reason)
    now = gateway.clock()
    proposal = Proposal(
        id=gateway.new_id("dl"),
        source=SOURCE,
        delivery=Delivery("POST", "", Headers(), data, now),
        kept_headers=[],
        secret="",
        events=(event,),
        rules=Rules(()),
        claims=callback.claims,
        key_id=callback.key_id,
        now=now,
        verdict=verdict,
        note=f"completed by hand by the client {caller.name}",
    )
    disposed = await gateway.ledger.write(byhand.complete(proposal, callback_id), _SECONDS)
    told = await gateway.to_the_end(complete(gateway, disposed, time.monotonic() + _SECONDS))
    logger.warning(
        "completed by hand", callback=callback_id, client=caller.name, delivery=proposal.id, outcome=told
    )
    return CompletedView(id=callback_id, delivery_id=proposal.id, type=event_type, outcome=told)


def _usual_type(gateway: Gateway, callback: Callback, verdict: Verdict) -> str:
    """The first type that the callback's rules name for a verdict: what its code knows."""
    source = gateway.sources.get(callback.source)
    rules = callback.rules or (source.rules if source else Rules(()))
    patterns = rules.succeed_on if verdict is Verdict.SUCCEEDED else rules.fail_on
    return next((name for name in patterns if not name.endswith("*")), f"{SOURCE}.{verdict}")
