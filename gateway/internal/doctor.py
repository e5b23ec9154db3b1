"""`/v1/doctor`: what `gateway doctor` asks of the gateway that it examines."""

from __future__ import annotations

import base64
import os
from dataclasses import asdict
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from gateway import probes
from gateway.errors import Invalid, NotAuthentic
from gateway.internal.clients import AuthenticatedCaller, RunningGateway
from gateway.listening import internal_addresses
from gateway.reach import reach

router = APIRouter(prefix="/v1/doctor")


class ProbeView(BaseModel):
    """
    What a doctor needs to know: a probe's token, good for two minutes, and how it is to be sent.

    `now` is in seconds since the epoch. `headers` are those that the configured providers' signatures are in
    or are read from, with the sources concerned. `private_ports` are those that no stranger may reach.
    """

    token: str
    public_url: str
    body_limit: int
    now: float
    headers: dict[str, list[str]]
    private_ports: dict[str, int]


class ReportRequest(BaseModel):
    """A public answer to a probe."""

    model_config = ConfigDict(extra="forbid")

    sealed: str


class ArrivedView(BaseModel):
    """A probe as it arrived; `start` is the body's beginning in base64."""

    arrival: str
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    size: int
    sha256: str
    start: str


class ReachedView(BaseModel):
    """How Restate answers at an address; `problem` is "" where all is well."""

    setting: str
    url: str
    problem: str
    version: str | None
    status_route: bool | None
    date: str | None


@router.post("/probe", summary="A probe to send through public_url (ops)")
async def probe(gateway: RunningGateway, caller: AuthenticatedCaller) -> ProbeView:
    """A token that the public listener answers with a sealed report of what arrived. It changes nothing."""
    caller.may_operate()
    settings = gateway.settings
    headers: dict[str, list[str]] = {}
    for source in gateway.sources.by_name.values():
        for name in sorted(source.provider.headers):
            headers.setdefault(name, []).append(source.name)
    first, *others = internal_addresses(settings.listen)
    ports = {"the internal listener": _port(f"//{first}")}
    for number, address in enumerate(others, 2):
        ports[f"the internal listener (worker {number})"] = _port(f"//{address}")
    ports["Restate's ingress"] = _port(settings.restate.ingress_urls[0])
    if settings.restate.admin_url is not None:
        ports["Restate's admin API"] = _port(settings.restate.admin_url)
    now = gateway.clock()
    return ProbeView(
        token=probes.mint(gateway.ring, now, os.urandom(8)),
        public_url=settings.public_url,
        body_limit=settings.limits.body,
        now=now,
        headers=headers,
        private_ports=ports,
    )


@router.post("/report", summary="What arrived of a probe (ops)")
async def report(request: ReportRequest, gateway: RunningGateway, caller: AuthenticatedCaller) -> ArrivedView:
    """Open the report in a public answer."""
    caller.may_operate()
    try:
        arrived = probes.open_report(request.sealed, gateway.ring)
    except NotAuthentic:
        raise Invalid("sealed: this is not a report that a gateway of this deployment has sealed") from None
    return ArrivedView(**asdict(arrived) | {"start": base64.b64encode(arrived.start).decode()})


@router.get("/restate", summary="How Restate answers (ops)")
async def restate(gateway: RunningGateway, caller: AuthenticatedCaller) -> list[ReachedView]:
    """Each configured address of Restate, as it answers this gateway now."""
    caller.may_operate()
    reached = await reach(gateway.settings.restate, gateway.restate.auth_token)
    return [ReachedView(**asdict(one)) for one in reached]


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or {"https": 443}.get(parts.scheme, 80)
