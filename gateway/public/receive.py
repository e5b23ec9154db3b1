"""
The way of a webhook, from the provider's request to its answer: read `receive` from top to bottom.

Steps 1 to 5 are pure functions of the bytes that came; 6 to 8 write, tell Restate and answer, and go on
even if the provider hangs up.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

from gateway import failpoints, tokens
from gateway.delivery import Answer, Challenge, Delivery, Event, Headers
from gateway.envelope import timestamp
from gateway.errors import (
    GatewayError,
    Malformed,
    MethodNotAllowed,
    NotAuthentic,
    UnsupportedContent,
    Unverified,
)
from gateway.gateway import Gateway
from gateway.http.request import Request
from gateway.ledger import disposing
from gateway.ledger.records import Disposed, Proposal
from gateway.ledger.refusing import Refused
from gateway.ledger.uses import Kind, Used
from gateway.observe.passage import Passage, Step
from gateway.outcome import Outcome
from gateway.public.body import headers_of, read_body
from gateway.public.issued import verify
from gateway.public.room import Place
from gateway.sources import Source
from gateway.tokens import Claims

#: From the last body byte Restate has until then to answer; after that the courier takes over.
_RESTATE_DEADLINE = 2.2
#: A provider that waits for less has its answer so long before it gives up.
_ON_THE_WAY = 0.3
_GONE = frozenset({Outcome.LATE, Outcome.EXPIRED, Outcome.REVOKED})


@dataclass(slots=True)
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
    #: What has to be visited before the answer.
    visit: str | None = field(default=None, repr=False)


async def receive(gateway: Gateway, request: Request, place: Place, passage: Passage) -> Answer:
    """Take a webhook that came to `/c/{source}/{token}` or `/s/{source}`."""
    check_method(gateway, request.method, request.path)
    try:
        address = locate(gateway, request.path)  # 1: before any byte of the body
    except NotAuthentic:
        gateway.refusals.unknown_tokens += 1
        raise
    at(passage, address)
    headers = headers_of(request)
    if not address.source.closed and request.method == "POST":
        check_media_type(address.source, headers)
    await failpoints.reach("after-token")
    passage.end(Step.TOKEN)
    limits = gateway.settings.limits
    body = await read_body(request, headers, place, limits.body, limits.body_time.total_seconds())  # 2
    await failpoints.reach("after-body")
    passage.end(Step.BODY)
    query = request.query.decode("latin-1")
    delivery = Delivery(
        method=request.method,
        url=f"{address.url}?{query}" if query else address.url,
        headers=headers,
        body=body,
        received_at=gateway.clock(),
    )
    patience = address.source.provider.waits_for.total_seconds() - _ON_THE_WAY
    deadline = time.monotonic() + min(_RESTATE_DEADLINE, patience)
    gateway.observer.trace(passage, headers)
    request.lasting = True
    return await process(gateway, address, delivery, passage, deadline)


def at(passage: Passage, address: Address) -> None:
    """Note where a request came in: from here on its source is one that is configured."""
    passage.source, passage.key_id = address.source.name, address.key_id
    passage.callback_id = address.claims.callback_id if address.claims else None


def check_method(gateway: Gateway, method: str, raw_path: bytes) -> None:
    """Raise `MethodNotAllowed` for a method that this source's provider has no use for; all use POST."""
    if method == "POST":
        return
    name, _, _ = raw_path[3:].decode("latin-1").partition("/")
    source = gateway.sources.get(name)
    taken = source.provider.methods if source else frozenset({"POST"})
    if method not in taken:
        raise MethodNotAllowed(", ".join(sorted(taken)))


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


def check_media_type(source: Source, headers: Headers) -> None:
    """Raise `UnsupportedContent` for a media type that this provider does not send."""
    taken = source.provider.media_types
    content_type, *_ = headers.every("content-type") or [""]
    if taken and content_type.partition(";")[0].strip().lower() not in taken:
        raise UnsupportedContent(f"Content-Type: {' or '.join(taken)} is taken here")


async def process(
    gateway: Gateway, address: Address, delivery: Delivery, passage: Passage, deadline: float
) -> Answer:
    """Steps 3 to 8 for a delivery that was read."""
    address = await equip(gateway, address, delivery)
    judged = judge(gateway, address, delivery, passage)
    await failpoints.reach("after-verify")
    if isinstance(judged, Turned):
        if judged.visit is not None:
            await gateway.fetcher.visit(judged.visit)
        gateway.refusals.keep(judged.refused)
        if isinstance(judged.answer, GatewayError):
            raise judged.answer
        return judged.answer
    await carry_out(gateway, judged, passage, deadline)
    await failpoints.reach("before-answer")
    return answer(address, passage.outcomes)  # 8


async def equip(gateway: Gateway, address: Address, delivery: Delivery) -> Address:
    """
    The address, its provider equipped with what has to be fetched to verify this delivery.

    Raises `TryLater` where that can't be had now. What will never verify is left to the judge.
    """
    source = address.source
    if not source.provider.fetches:
        return address
    try:
        fetch = source.provider.needs(delivery, source.keys)
        if fetch is None:
            return address
        provider = source.provider.given(await gateway.fetcher.get(fetch))
    except Unverified:
        return address
    return replace(address, source=replace(source, provider=provider))


def judge(
    gateway: Gateway, address: Address, delivery: Delivery, passage: Passage, replay_of: str | None = None
) -> Proposal | Turned:
    """
    Steps 3 to 5: what a delivery says and what should happen, or why nothing can.

    A replay's signature is judged at its first receipt, `delivery.received_at`, and all else now.
    """
    source, provider = address.source, address.source.provider
    passage.delivery_id = gateway.new_id("dl")
    passage.replay_of = replay_of
    received, now = provider.kept(delivery), delivery.received_at
    if replay_of is not None:
        now = gateway.clock()
        received = replace(received, received_at=now)
    headers = received.headers.only(provider.headers)
    secret = ""

    def turned(outcome: Outcome, reason: str, answer: Answer | GatewayError) -> Turned:
        passage.outcome, passage.reason = outcome, reason
        to = passage.callback_id
        refused = Refused.of(
            passage.delivery_id, source.name, to, received, headers, secret, outcome, reason, replay_of
        )
        return Turned(refused, answer)

    try:
        if source.closed:
            raise Unverified(f"the source {source.name} is closed: it has no secret")
        read: tuple[Event, ...] | Challenge | None = provider.greet(delivery, source.keys)
        if read is None:
            if delivery.method != "POST":
                raise Unverified(f"{delivery.method} is taken here for the provider's question only")
            matched, issued = verify(source, delivery, gateway.settings)  # 3
            if issued is not delivery:
                received = replace(provider.kept(issued), received_at=now)
            passage.end(Step.VERIFY)
            if source.keys:
                passage.secret, secret = source.places[matched], source.keys[matched].fingerprint
                if replay_of is None:
                    gateway.uses.note(Used(Kind.SOURCE, source.name, secret))
            read = provider.read(delivery, source.keys, correlate=address.claims is None)  # 4
            passage.end(Step.INTERPRET)
    except Unverified as error:
        passage.refused = error.code
        passage.stop()
        return turned(Outcome.UNVERIFIED, error.detail, provider.responses.unverified or error)
    except Malformed as error:
        passage.refused = error.code
        passage.stop()
        return turned(Outcome.MALFORMED, error.detail, error)
    if isinstance(read, Challenge):
        if read.visit is None:
            return turned(Outcome.CHALLENGE, "the provider's question at registration, answered", read.answer)
        if not source.confirm:
            reason = "to be confirmed by hand: the source does not say confirm = true"
            return turned(Outcome.CHALLENGE, reason, read.answer)
        challenge = turned(Outcome.CHALLENGE, "confirmed by visiting what the provider named", read.answer)
        return replace(challenge, visit=None if replay_of else read.visit)
    if replay_of is not None:
        read = tuple(replace(event, time=event.time or timestamp(delivery.received_at)) for event in read)
    proposal = Proposal(  # 5
        passage.delivery_id,
        source.name,
        received,
        headers,
        secret,
        read,
        source.rules,
        address.claims,
        address.key_id,
        now,
        replay_of,
    )
    passage.end(Step.PROPOSE)
    return proposal


async def carry_out(gateway: Gateway, proposal: Proposal, passage: Passage, deadline: float) -> None:
    """Steps 6 and 7: the passage says what became of each event, and its outcome once Restate was told."""
    recording = disposing.record(proposal, gateway.new_reference)
    disposed = await gateway.ledger.write(recording, late=gateway.courier.bring)  # 6
    await failpoints.reach("after-commit")
    passage.disposed = disposed
    passage.end(Step.DISPOSE)
    traceparent = passage.trace.traceparent if passage.trace else None
    if len(disposed) == 1:  # 7
        passage.outcomes = [await complete(gateway, disposed[0], deadline, traceparent)]
    else:
        told = (complete(gateway, one, deadline, traceparent) for one in disposed)
        passage.outcomes = await asyncio.gather(*told)
    passage.end(Step.COMPLETE)


async def complete(
    gateway: Gateway, disposed: Disposed, deadline: float, traceparent: str | None = None
) -> Outcome:
    """Tell Restate, where this delivery won the claim, and the outcome then."""
    owed = disposed.owed
    if owed is None:
        return disposed.outcome
    if owed.waits:
        return Outcome.PENDING
    await failpoints.reach("before-restate")
    outcome = await gateway.courier.deliver(owed, deadline, traceparent)
    await failpoints.reach("after-restate")
    return outcome


def answer(address: Address, outcomes: list[Outcome]) -> Answer:
    """The answer that the provider wants to these outcomes."""
    provider = address.source.provider
    if address.claims is not None and len(outcomes) == 1 and outcomes[0] in _GONE:
        return provider.responses.gone or Answer(410, b'{"outcome":"%s"}' % outcomes[0].encode())
    return provider.acknowledge(outcomes)
