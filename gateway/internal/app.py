"""The app behind the internal listener."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway import problem
from gateway.errors import GatewayError, Invalid, MethodNotAllowed, NotFound
from gateway.gateway import Gateway
from gateway.internal import callbacks, operations
from gateway.public.app import failed, refuse, request_id


def build(gateway: Gateway) -> FastAPI:
    """The app, with its documentation at `/docs`."""
    app = FastAPI(
        title="Webhook gateway for Restate",
        description="Issue signed callback URLs; see what came for them.",
        redoc_url=None,
    )
    app.state.gateway = gateway
    app.include_router(callbacks.router)
    app.include_router(operations.router)
    app.add_exception_handler(GatewayError, refuse)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, failed)
    return app


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Where and what, without the input: it may hold an awakeable id.
    problems = [
        f"{'.'.join(str(part) for part in item['loc'] if part != 'body') or 'body'}: "
        f"{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]
    return problem.render(Invalid("; ".join(problems)), request_id(request))


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem.render(MethodNotAllowed(), request_id(request))
    return problem.render(
        NotFound("there is nothing at this path; /docs lists what there is"), request_id(request)
    )
