"""
The way of a webhook, from the provider's request to its answer: read `receive` from top to bottom.

Steps 1 to 5 are pure functions of the bytes that came; 6 to 8 write, tell Restate and answer, and go on
even if the provider hangs up.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway import tokens
from gateway.delivery import Answer, Challenge, Delivery
from gateway.errors import GatewayError, NotAuthentic, UnsupportedContent, Unverified
from gateway.gateway import Gateway
from gateway.ledger import disposing
from gateway.ledger.records import Disposed, Proposal
from gateway.log import logger
from gateway.outcome import Outcome
from gateway.public.body import headers_of, read_body
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


async def receive(request: Request) -> Response:
    """Take a webhook that came to `/c/{source}/{token}` or `/s/{source}`."""
    gateway: Gateway = request.app.state.gateway
    address = locate(gateway, request.scope["raw_path"])  # 1: before any byte of the body
    if address.source.closed:
        raise Unverified(f"the source {address.source.name} is closed: it has no secret")
    check_media_type(address.source, request.headers.get("content-type", ""))
    limits = gateway.settings.limits
    body = await read_body(request, limits.body, limits.body_time.total_seconds())  # 2
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
    return Response(answer.body, answer.status, dict(answer.headers), answer.media_type)


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
    source, provider = address.source, address.source.provider
    line = logger.bind(source=source.name, request=delivery.method)
    try:
        matched = provider.verify(delivery, source.keys, delivery.received_at)  # 3
    except Unverified as error:
        line.warning("delivery", outcome=Outcome.UNVERIFIED, reason=error.detail)
        if provider.responses.unverified is not None:
            return provider.responses.unverified
        raise
    try:
        read = provider.read(delivery)  # 4
    except GatewayError as error:
        line.warning("delivery", outcome=Outcome.MALFORMED, reason=error.detail)
        raise
    if isinstance(read, Challenge):
        line.info("delivery", outcome=Outcome.CHALLENGE)
        return read.answer
    proposal = Proposal(  # 5
        id=gateway.new_id("dl"),
        source=source.name,
        delivery=delivery,
        kept_headers=list(delivery.headers.only(provider.headers)),
        secret=source.keys[matched].fingerprint if source.keys else "",
        events=read,
        rules=source.rules,
        claims=address.claims,
        key_id=address.key_id,
        now=delivery.received_at,
    )
    disposed = await gateway.ledger.write(disposing.record(proposal, gateway.new_reference()))  # 6
    outcomes = await asyncio.gather(*(complete(gateway, one, deadline) for one in disposed))  # 7
    for one, outcome in zip(disposed, outcomes, strict=True):
        line.log(
            _level(one),
            "delivery",
            delivery=proposal.id,
            callback=one.callback_id,
            key=address.key_id or None,
            event_type=one.event_type,
            outcome=outcome,
            **{name: True for name in ("conflict", "contradicts", "adopted") if getattr(one, name)},
        )
    return answer(address, outcomes)  # 8


async def complete(gateway: Gateway, disposed: Disposed, deadline: float) -> Outcome:
    """Tell Restate, where this delivery won the claim, and the outcome then."""
    owed = disposed.owed
    if owed is None:
        return disposed.outcome
    return Outcome.PENDING if owed.waits else await gateway.courier.deliver(owed, deadline)


def answer(address: Address, outcomes: list[Outcome]) -> Answer:
    """The answer that the provider wants to these outcomes."""
    provider = address.source.provider
    if address.claims is not None and len(outcomes) == 1 and outcomes[0] in _GONE:
        return provider.responses.gone or Answer(410, b'{"outcome":"%s"}' % outcomes[0].encode())
    return provider.acknowledge(outcomes)


def _level(disposed: Disposed) -> int:
    # 40 is an error, 30 a warning: somebody has to look where money is told two things.
    return 40 if disposed.contradicts else 30 if disposed.conflict or disposed.adopted else 20
