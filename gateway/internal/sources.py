"""`/v1/sources`: what is configured, and which of its secrets are of use. Never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.advice import Advice, Use, advise
from gateway.errors import TryLater
from gateway.internal.clients import AuthenticatedCaller, RunningGateway
from gateway.ledger.uses import Kind, Used
from gateway.sources import Source, SourceSecret, allows

router = APIRouter(prefix="/v1")

_UNKNOWN = Advice("use unknown: the ledger does not answer")


class SecretView(BaseModel):
    """
    A configured secret. `fingerprint` is null where none has been there yet, `problem` says why its place
    gives none (any more). `same_as` is the place of the entry that holds the same secret.

    The times are those on record for all replicas; `advice` says what follows from them.
    """

    place: int
    given: str
    fingerprint: str | None
    same_as: int | None
    problem: str | None
    since: datetime | None
    first_used: datetime | None
    last_used: datetime | None
    advice: str
    safe_to_remove: bool


class SourceView(BaseModel):
    """
    A configured source. `closed`: it has no secret and answers 401 to everything.

    `uses_recorded_at` is when this replica last wrote down which secrets were used: others may know more.
    """

    name: str
    provider: str
    closed: bool
    secrets: list[SecretView]
    uses_recorded_at: datetime | None
    succeed_on: tuple[str, ...]
    fail_on: tuple[str, ...]
    account_url: str
    per_callback_url: bool


@router.get("/sources", summary="The configured sources")
async def list_sources(gateway: RunningGateway, caller: AuthenticatedCaller) -> list[SourceView]:
    """The sources that the client may use (ops: all), with their rules and the use of their secrets."""
    try:
        known = await gateway.uses.known(gateway.ledger, Kind.SOURCE)
    except TryLater:
        known = None
    return [
        SourceView(
            name=source.name,
            provider=source.provider.name,
            closed=source.closed,
            secrets=_secrets(source, known, gateway.clock()),
            uses_recorded_at=_moment(gateway.uses.written_at),
            succeed_on=source.rules.succeed_on,
            fail_on=source.rules.fail_on,
            account_url=gateway.account_url(source.name),
            per_callback_url=source.gives_url,
        )
        for source in gateway.sources.by_name.values()
        if caller.ops or allows(caller.sources, source.name)
    ]


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A key that a source accepts: where it stands first, when it was used, and what follows from that."""

    place: int
    use: Use | None
    advice: Advice


def _secrets(source: Source, known: dict[Used, Use] | None, now: float) -> list[SecretView]:
    """Each entry of a source's secrets, with advice from the uses of all of them, None where unknown."""
    uses = [
        (known or {}).get(Used(Kind.SOURCE, source.name, key.fingerprint), Use(now)) for key in source.keys
    ]
    repeats = source.provider.repeats_within.total_seconds()
    advice = advise(uses, repeats, now) if known is not None else [_UNKNOWN] * len(uses)
    accepted = {
        key: _Accepted(place, use if known is not None else None, said)
        for key, place, use, said in zip(source.keys, source.places, uses, advice, strict=True)
    }
    return [
        _view(place, secret, accepted[secret.key] if secret.key else None)
        for place, secret in enumerate(source.secrets)
    ]


def _view(place: int, secret: SourceSecret, accepted: _Accepted | None) -> SecretView:
    use = accepted.use if accepted else None
    advice = accepted.advice if accepted else Advice("not there")
    same_as = accepted.place if accepted and accepted.place != place else None
    if same_as is not None:
        advice = Advice(f"the same as secrets[{same_as}]: nothing rests on it", safe=True)
    return SecretView(
        place=place,
        given=secret.place,
        fingerprint=secret.key.fingerprint if secret.key else None,
        same_as=same_as,
        problem=secret.problem,
        since=_moment(use.since if use else None),
        first_used=_moment(use.first if use else None),
        last_used=_moment(use.last if use else None),
        advice=advice.text,
        safe_to_remove=advice.safe,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
