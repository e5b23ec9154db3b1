"""The app behind the public listener."""

from __future__ import annotations

import secrets

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match

from gateway import problem
from gateway.errors import GatewayError, MethodNotAllowed, NotAuthentic
from gateway.gateway import Gateway
from gateway.log import logger
from gateway.public import approvals
from gateway.public.edge import Edge
from gateway.public.probe import Probe
from gateway.public.receive import receive


async def _live(request: Request) -> Response:
    return PlainTextResponse("ok\n")


def build(gateway: Gateway) -> FastAPI:
    """The app: four routes and nothing else, no docs, no metrics, no banner."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.gateway = gateway
    # Plain routes: FastAPI's parsing and dependencies have nothing to do here and cost 60 µs a request.
    app.add_route("/c/{source}/{token}", receive, methods=["POST"], include_in_schema=False)
    app.add_route("/s/{source}", receive, methods=["POST"], include_in_schema=False)
    app.add_route("/a/{token}", approvals.show, methods=["GET"], include_in_schema=False)
    app.add_route("/a/{token}", approvals.decide, methods=["POST"], include_in_schema=False)
    app.add_route("/livez", _live, methods=["GET"], include_in_schema=False)
    app.add_exception_handler(GatewayError, refuse)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, failed)
    app.add_middleware(Probe, gateway=gateway)
    app.add_middleware(Edge, gateway=gateway)
    return app


async def refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return problem.render(error, request_id(request))


async def _unknown(request: Request, error: Exception) -> Response:
    # The router's own refusals: a path that is not ours, or a method that it does not take.
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return not_allowed(request)
    return problem.render(NotAuthentic(), request_id(request))


def not_allowed(request: Request) -> Response:
    """The answer to a method that a path does not take, with those that all of its routes take."""
    found = [
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    response = problem.render(MethodNotAllowed(), request_id(request))
    response.headers["allow"] = ", ".join(found)
    return response


async def failed(request: Request, error: Exception) -> Response:
    # A defect of ours. The kind of exception and its place are enough to find it; its text may hold input.
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    logger.error("a defect of the gateway", kind=type(error).__name__, where=where)
    return problem.render(GatewayError(), request_id(request))


def request_id(request: Request) -> str:
    """An id for this request, the same each time it is asked for."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = secrets.token_hex(8)
    found: str = request.state.request_id
    return found
