"""The app behind the internal listener."""

from __future__ import annotations

import os

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import log, problem
from gateway.errors import BodyTooLarge, GatewayError, Invalid, MethodNotAllowed, NotFound
from gateway.gateway import Gateway
from gateway.internal import byhand, callbacks, deliveries, doctor, keys, ledger, metrics, operations, sources

#: An approval with all that it may hold has 150 kB.
_MAX_BODY = 1 << 20
_NOT_JSON = "body: a JSON object is needed, and this is not JSON"


def build(gateway: Gateway) -> FastAPI:
    """The app, with its documentation at `/docs`."""
    app = FastAPI(
        title="Webhook gateway for Restate",
        description="Issue signed callback URLs; see what came for them.",
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.gateway = gateway
    app.include_router(callbacks.router)
    app.include_router(byhand.router)
    app.include_router(deliveries.router)
    app.include_router(doctor.router)
    app.include_router(keys.router)
    app.include_router(ledger.router)
    app.include_router(operations.router)
    app.include_router(sources.router)
    app.state.scrape = metrics.Scrape(gateway)
    app.include_router(metrics.router)
    app.add_exception_handler(GatewayError, _refuse)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(_Bounded)
    app.add_middleware(_Counted, gateway=gateway)
    return app


class _Counted:
    """ASGI middleware that counts answers by their status."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._metrics = gateway.observer.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answered(message["status"])
            await send(message)

        await self._app(scope, receive, counting)


class _Bounded:
    """ASGI middleware that bounds a body, which FastAPI reads before it asks who calls."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > _MAX_BODY:
                raise HTTPException(413)  # the one error that FastAPI lets out of its reading
            return message

        await self._app(scope, bounded, send)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return problem.render(error, _request_id(request))


async def _failed(request: Request, error: Exception) -> Response:
    log.defect(error)
    return problem.render(GatewayError(), _request_id(request))


def _request_id(request: Request) -> str:
    """An id for this request, the same each time it is asked for."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = os.urandom(8).hex()
    found: str = request.state.request_id
    return found


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Where and what, without the input: it may hold an awakeable id.
    problems = [
        f"{'.'.join(str(part) for part in item['loc'] if part != 'body') or 'body'}: "
        f"{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
        if item["type"] != "json_invalid"
    ]
    return problem.render(Invalid("; ".join(problems) or _NOT_JSON), _request_id(request))


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem.render(MethodNotAllowed(_allowed(request)), _request_id(request))
    if error.status_code == 413:
        return problem.render(BodyTooLarge(f"at most {_MAX_BODY} bytes are taken"), _request_id(request))
    if error.status_code == 400:
        return problem.render(Invalid(_NOT_JSON), _request_id(request))
    return problem.render(
        NotFound("there is nothing at this path; /docs lists what there is"), _request_id(request)
    )


def _allowed(request: Request) -> str:
    """The methods that some route takes at this path."""
    return ", ".join(
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    )
