"""
The way of a webhook, from the provider's request to its answer: read `receive` from top to bottom.

Steps 1 to 5 are pure functions of the bytes that came; 6 to 8 write, tell Restate and answer, and go on
even if the provider hangs up.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from structlog.typing import FilteringBoundLogger

from gateway import failpoints, tokens
from gateway.delivery import Answer, Challenge, Delivery, Event
from gateway.envelope import timestamp
from gateway.errors import GatewayError, Malformed, NotAuthentic, UnsupportedContent, Unverified
from gateway.gateway import Gateway
from gateway.ledger import disposing
from gateway.ledger.records import Disposed, Proposal
from gateway.ledger.refusing import Refused
from gateway.ledger.uses import Kind, Used
from gateway.log import logger
from gateway.outcome import Outcome
from gateway.public.body import headers_of, read_body
from gateway.public.issued import verify
from gateway.sources import Source
from gateway.tokens import Claims

#: From the last body byte Restate has until then to answer; after that the courier takes over.
_RESTATE_DEADLINE = 2.2
_GONE = frozenset({Outcome.LATE, Outcome.EXPIRED, Outcome.REVOKED})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a delivery came in: the source, the URL as it was given out, and what its token says."""

    source: Source
    url: str
    claims: Claims | None
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class Turned:
    """A delivery without events to dispose of: what is recorded of it, and what its sender is answered."""

    refused: Refused
    answer: Answer | GatewayError


async def receive(request: Request) -> Response:
    """Take a webhook that came to `/c/{source}/{token}` or `/s/{source}`."""
    gateway: Gateway = request.app.state.gateway
    try:
        address = locate(gateway, request.scope["raw_path"])  # 1: before any byte of the body
    except NotAuthentic:
        gateway.refusals.unknown_tokens += 1
        raise
    if not address.source.closed and request.method == "POST":
        check_media_type(address.source, request.headers.get("content-type", ""))
    await failpoints.reach("after-token")
    limits = gateway.settings.limits
    body = await read_body(request, limits.body, limits.body_time.total_seconds())  # 2
    await failpoints.reach("after-body")
    query = request.scope["query_string"].decode("latin-1")
    delivery = Delivery(
        method=request.method,
        url=f"{address.url}?{query}" if query else address.url,
        headers=headers_of(request),
        body=body,
        received_at=gateway.clock(),
    )
    deadline = time.monotonic() + _RESTATE_DEADLINE
    answer = await gateway.to_the_end(process(gateway, address, delivery, deadline))
    response = Response(answer.body, answer.status, dict(answer.headers), answer.media_type)
    if failpoints.armed():
        response.background = BackgroundTask(failpoints.reach, "after-answer")
    return response


def locate(gateway: Gateway, raw_path: bytes) -> Address:
    """
    The source, and for a callback's URL what its token says.

    The path is read as it came: an encoded slash is no slash, and a token has one spelling. Raises
    `NotAuthentic` for everything that we did not give out.
    """
    path = raw_path.decode("latin-1")
    if path.startswith("/c/"):
        name, _, token = path[3:].partition("/")
        claims, key = tokens.read(name, token, gateway.ring)
        source = gateway.sources.get(name)
        if source is None:
            raise NotAuthentic
        return Address(source, gateway.settings.public_url + path, claims, key.id)
    source = gateway.sources.get(path[3:])
    if source is None:
        raise NotAuthentic
    return Address(source, gateway.account_url(source.name), None)


def check_media_type(source: Source, content_type: str) -> None:
    """Raise `UnsupportedContent` for a media type that this provider does not send."""
    taken = source.provider.media_types
    media_type = content_type.partition(";")[0].strip().lower()
    if taken and media_type not in taken:
        raise UnsupportedContent(f"Content-Type: {' or '.join(taken)} is taken here")


async def process(gateway: Gateway, address: Address, delivery: Delivery, deadline: float) -> Answer:
    """Steps 3 to 8 for a delivery that was read."""
    judged = judge(gateway, address, delivery)
    await failpoints.reach("after-verify")
    if isinstance(judged, Turned):
        gateway.refusals.keep(judged.refused)
        if isinstance(judged.answer, GatewayError):
            raise judged.answer
        return judged.answer
    _, outcomes = await carry_out(gateway, judged, deadline)
    await failpoints.reach("before-answer")
    return answer(address, outcomes)  # 8


def judge(
    gateway: Gateway, address: Address, delivery: Delivery, replay_of: str | None = None
) -> Proposal | Turned:
    """
    Steps 3 to 5: what a delivery says and what should happen, or why nothing can.

    A replay's signature is judged at its first receipt, `delivery.received_at`, and all else now.
    """
    source, provider = address.source, address.source.provider
    line = _line(source.name, delivery, replay_of)
    delivery_id = gateway.new_id("dl")
    now = delivery.received_at if replay_of is None else gateway.clock()
    received = replace(delivery, received_at=now)
    headers = list(delivery.headers.only(provider.headers))
    secret = ""

    def turned(outcome: Outcome, reason: str, answer: Answer | GatewayError) -> Turned:
        line.log(
            20 if outcome is Outcome.CHALLENGE else 30,
            "delivery",
            delivery=delivery_id,
            outcome=outcome,
            reason=reason,
        )
        to = address.claims.callback_id if address.claims else None
        refused = Refused.of(
            delivery_id, source.name, to, received, headers, secret, outcome, reason, replay_of
        )
        return Turned(refused, answer)

    try:
        if source.closed:
            raise Unverified(f"the source {source.name} is closed: it has no secret")
        read: tuple[Event, ...] | Challenge | None = provider.greet(delivery, source.keys)
        if read is None:
            if delivery.method != "POST":
                raise Unverified(f"{delivery.method} is taken here for the provider's question only")
            matched, issued = verify(source, delivery, gateway.settings.public_urls)  # 3
            received = replace(received, url=issued.url)
            secret = source.keys[matched].fingerprint if source.keys else ""
            if secret and replay_of is None:
                gateway.uses.note(Used(Kind.SOURCE, source.name, secret))
            read = provider.read(delivery, source.keys)  # 4
    except Unverified as error:
        return turned(Outcome.UNVERIFIED, error.detail, provider.responses.unverified or error)
    except Malformed as error:
        return turned(Outcome.MALFORMED, error.detail, error)
    if isinstance(read, Challenge):
        return turned(Outcome.CHALLENGE, "the provider's question at registration, answered", read.answer)
    if replay_of is not None:
        read = tuple(replace(event, time=event.time or timestamp(delivery.received_at)) for event in read)
    return Proposal(  # 5
        id=delivery_id,
        source=source.name,
        delivery=received,
        kept_headers=headers,
        secret=secret,
        events=read,
        rules=source.rules,
        claims=address.claims,
        key_id=address.key_id,
        now=now,
        replay_of=replay_of,
    )


async def carry_out(
    gateway: Gateway, proposal: Proposal, deadline: float
) -> tuple[list[Disposed], list[Outcome]]:
    """Steps 6 and 7: what became of each event in the ledger, and its outcome once Restate was told."""
    line = _line(proposal.source, proposal.delivery, proposal.replay_of)
    disposed = await gateway.ledger.write(disposing.record(proposal, gateway.new_reference()))  # 6
    await failpoints.reach("after-commit")
    outcomes = await asyncio.gather(*(complete(gateway, one, deadline) for one in disposed))  # 7
    for one, outcome in zip(disposed, outcomes, strict=True):
        line.log(
            _level(one),
            "delivery",
            delivery=proposal.id,
            callback=one.callback_id,
            key=proposal.key_id or None,
            event_type=one.event_type,
            outcome=outcome,
            **{name: True for name in ("conflict", "contradicts", "adopted") if getattr(one, name)},
        )
    return disposed, outcomes


async def complete(gateway: Gateway, disposed: Disposed, deadline: float) -> Outcome:
    """Tell Restate, where this delivery won the claim, and the outcome then."""
    owed = disposed.owed
    if owed is None:
        return disposed.outcome
    if owed.waits:
        return Outcome.PENDING
    await failpoints.reach("before-restate")
    outcome = await gateway.courier.deliver(owed, deadline)
    await failpoints.reach("after-restate")
    return outcome


def answer(address: Address, outcomes: list[Outcome]) -> Answer:
    """The answer that the provider wants to these outcomes."""
    provider = address.source.provider
    if address.claims is not None and len(outcomes) == 1 and outcomes[0] in _GONE:
        return provider.responses.gone or Answer(410, b'{"outcome":"%s"}' % outcomes[0].encode())
    return provider.acknowledge(outcomes)


def _line(source: str, delivery: Delivery, replay_of: str | None) -> FilteringBoundLogger:
    replayed = {"replay_of": replay_of} if replay_of else {}
    return logger.bind(source=source, request=delivery.method, **replayed)


def _level(disposed: Disposed) -> int:
    # 40 is an error, 30 a warning: somebody has to look where money is told two things.
    return 40 if disposed.contradicts else 30 if disposed.conflict or disposed.adopted else 20
