"""What ops look at: providers, health. Never a secret."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from gateway.clocks import MAX_SKEW
from gateway.errors import GatewayError
from gateway.gateway import Gateway
from gateway.internal.clients import AuthenticatedCaller, RunningGateway
from gateway.ledger import owing
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider

router = APIRouter()


class ProviderView(BaseModel):
    """
    A vendor in the catalogue.

    `verified` says what its events prove ("signature" or "notification"), `experimental` what of it is not
    confirmed. It waits `deadline` seconds for an answer, and repeats for `retries` seconds without one; null
    where the vendor publishes no number.
    """

    name: str
    title: str
    documentation: str
    url: str
    covers: str
    verified: str
    experimental: str | None
    deadline: float | None
    retries: float | None
    succeed_on: tuple[str, ...]
    fail_on: tuple[str, ...]
    fail_on_optional: tuple[str, ...]
    reference_field: str | None
    unconfirmed: tuple[str, ...]


class Readiness(BaseModel):
    """
    Whether the gateway takes deliveries, and what somebody should look at all the same.

    Since its start: requests whose token or source was unknown, and deliveries that were refused and are not
    on record because too many came at a time.
    """

    ready: bool
    reasons: list[str]
    closed_sources: list[str]
    absent_secrets: list[str]
    pending: int
    unknown_tokens: int
    refused_unrecorded: int


@router.get("/v1/providers", summary="The catalogue")
async def providers(caller: AuthenticatedCaller) -> list[ProviderView]:
    """Every provider that a source can name."""
    return [_view(provider) for provider in CATALOGUE.values()]


def _view(provider: Provider) -> ProviderView:
    spans = {"deadline": provider.deadline, "retries": provider.retries_for}
    seconds = {name: None if span is None else span.total_seconds() for name, span in spans.items()}
    same = ProviderView.model_fields.keys() - spans.keys()
    return ProviderView.model_validate({**seconds, **{name: getattr(provider, name) for name in same}})


@router.get("/livez", summary="Whether the process is alive")
async def live() -> Response:
    """Always 200."""
    return Response("ok\n", media_type="text/plain")


@router.get("/readyz", summary="Whether deliveries are taken")
async def ready(gateway: RunningGateway, response: Response) -> Readiness:
    """
    200 while deliveries are taken, 503 otherwise.

    A closed source, a key, secret or clients file that is broken, Restate being away or having another time
    do not make it unready: what can be taken is taken. They are listed.
    """
    found = await readiness(gateway)
    response.status_code = 200 if found.ready else 503
    return found


async def readiness(gateway: Gateway) -> Readiness:
    """Whether deliveries are taken now, and why not."""
    reasons = []
    pending = 0
    taking = not gateway.draining
    if gateway.draining:
        reasons.append("stopping")
    try:
        pending = await gateway.ledger.read(owing.count(), 1)
    except GatewayError as error:
        taking = False
        reasons.append(f"ledger: {error.detail}")
    reasons += [reason for reason in (gateway.keys.error, gateway.keys.disagreement) if reason is not None]
    if gateway.clients.error is not None:
        reasons.append(gateway.clients.error)
    if gateway.restate_token is not None and gateway.restate_token.error is not None:
        reasons.append(gateway.restate_token.error)
    reasons += gateway.sources.alarms
    reasons += [f"sources.{name} is closed: it has no secret" for name in gateway.sources.closed]
    if not gateway.restate.breaker.allows():
        reasons.append("Restate's ingress does not answer; deliveries are kept and brought later")
    skew = gateway.restate.clock_skew()
    if skew is not None and abs(skew) > MAX_SKEW:
        reasons.append(
            f"the clock here is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} Restate's; "
            "one of the two is wrong, and genuine deliveries may be refused as stale"
        )
    return Readiness(
        ready=taking,
        reasons=reasons,
        closed_sources=gateway.sources.closed,
        absent_secrets=list(gateway.sources.absent),
        pending=pending,
        unknown_tokens=gateway.refusals.unknown_tokens,
        refused_unrecorded=gateway.refusals.dropped,
    )
