"""The app behind the internal listener."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import problem
from gateway.errors import BodyTooLarge, GatewayError, Invalid, NotFound
from gateway.gateway import Gateway
from gateway.internal import byhand, callbacks, deliveries, doctor, keys, ledger, operations, sources
from gateway.public.app import failed, not_allowed, refuse, request_id

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
    app.add_exception_handler(GatewayError, refuse)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, failed)
    app.add_middleware(_Bounded)
    return app


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


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Where and what, without the input: it may hold an awakeable id.
    problems = [
        f"{'.'.join(str(part) for part in item['loc'] if part != 'body') or 'body'}: "
        f"{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
        if item["type"] != "json_invalid"
    ]
    return problem.render(Invalid("; ".join(problems) or _NOT_JSON), request_id(request))


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return not_allowed(request)
    if error.status_code == 413:
        return problem.render(BodyTooLarge(f"at most {_MAX_BODY} bytes are taken"), request_id(request))
    if error.status_code == 400:
        return problem.render(Invalid(_NOT_JSON), request_id(request))
    return problem.render(
        NotFound("there is nothing at this path; /docs lists what there is"), request_id(request)
    )
