"""What `gateway doctor` sends through the proxy in front: answered with a sealed report of what arrived."""

from __future__ import annotations

from gateway import probes
from gateway.delivery import Answer
from gateway.errors import NotAuthentic
from gateway.gateway import Gateway
from gateway.http.request import Request
from gateway.log import logger
from gateway.observe.passage import Passage
from gateway.probes import Arrived
from gateway.public.body import headers_of, read_body
from gateway.public.room import Place


def came(gateway: Gateway, request: Request) -> bool:
    """Whether a request has an authentic probe's token; without one it goes on as ever."""
    # Two looks at bytes: what a webhook pays for it.
    if b"probe" not in request.path and b"probe" not in request.query:
        return False
    return any(_is_ours(gateway, token) for token in probes.find(*_path_and_query(request)))


async def report(gateway: Gateway, request: Request, place: Place, passage: Passage) -> Answer:
    """Read the request within the bounds of a webhook, and say what came."""
    limits = gateway.settings.limits
    headers = headers_of(request)
    body = await read_body(request, headers, place, limits.body, limits.body_time.total_seconds())
    logger.info("probe", request=request.method, size=len(body))
    path, query = _path_and_query(request)
    arrived = Arrived.of(passage.request_id, request.method, path, query, list(headers), body)
    # As an approval's page, which no cache may keep either.
    return Answer(
        200, probes.seal(arrived, gateway.ring).encode(), "text/plain", (("cache-control", "no-store"),)
    )


def _path_and_query(request: Request) -> tuple[str, str]:
    return request.path.decode("latin-1"), request.query.decode("latin-1")


def _is_ours(gateway: Gateway, token: str) -> bool:
    try:
        probes.check(token, gateway.ring, gateway.clock())
    except NotAuthentic:
        return False
    return True
