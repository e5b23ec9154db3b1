"""What `gateway doctor` sends through the proxy in front: answered with a sealed report of what arrived."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import probes, problem
from gateway.errors import GatewayError, NotAuthentic
from gateway.gateway import Gateway
from gateway.log import logger
from gateway.probes import Arrived
from gateway.public.body import headers_of, read_body


class Probe:
    """ASGI middleware: without an authentic probe's token a request goes on as ever."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering: ASGIApp = self._app
        # Two looks at bytes: what a webhook pays for it.
        if scope["type"] == "http" and (b"probe" in scope["raw_path"] or b"probe" in scope["query_string"]):
            path, query = (scope[part].decode("latin-1") for part in ("raw_path", "query_string"))
            if any(self._is_ours(token) for token in probes.find(path, query)):
                answering = await self._report(Request(scope, receive), path, query)
        await answering(scope, receive, send)

    def _is_ours(self, token: str) -> bool:
        try:
            probes.check(token, self._gateway.ring, self._gateway.clock())
        except NotAuthentic:
            return False
        return True

    async def _report(self, request: Request, path: str, query: str) -> Response:
        """Read the request within the bounds of a webhook, and say what came."""
        limits = self._gateway.settings.limits
        arrival = secrets.token_hex(8)
        try:
            body = await read_body(request, limits.body, limits.body_time.total_seconds())
        except GatewayError as error:
            return problem.render(error, arrival)
        logger.info("probe", request=request.method, size=len(body))
        arrived = Arrived.of(arrival, request.method, path, query, list(headers_of(request)), body)
        # As an approval's page, which no cache may keep either.
        headers = {"cache-control": "no-store", "x-request-id": arrival}
        return PlainTextResponse(probes.seal(arrived, self._gateway.ring), headers=headers)
