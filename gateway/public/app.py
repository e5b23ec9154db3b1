"""
The app behind the public listener: five paths and nothing else, no docs, no metrics, no banner.

A webhook needs a path of two known forms, its headers and its body; a framework's routing, requests and
responses cost more than all of that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache

from gateway import failpoints, log, problem
from gateway.delivery import Answer
from gateway.errors import GatewayError, MethodNotAllowed, NotAuthentic, TryLater
from gateway.gateway import Gateway
from gateway.http.request import Request
from gateway.observe.passage import Passage, Step
from gateway.public import approvals, probe
from gateway.public.edge import Edge
from gateway.public.receive import receive as receive_webhook
from gateway.public.room import Place

#: Paths as they came: an encoded slash is no slash, and each has one spelling.
_WEBHOOK = re.compile(rb"/c/[^/]+/[^/]+|/s/[^/]+")
_APPROVAL = re.compile(rb"/a/[^/]+")

Handler = Callable[[Gateway, Request, Place, Passage], Awaitable[Answer]]


class PublicApp:
    """
    Answers each request once: with what its handler says, or with the problem that it raises.

    A defect of ours is a 500 and a log line with its place; nothing is raised to the server.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._edge = Edge(gateway)

    async def __call__(self, request: Request) -> None:
        """Answer a request."""
        passage = Passage.begin()
        request.id = passage.request_id
        try:
            _send(await self._edge.answer(_take, request, passage), request)
            if request.lasting:
                await failpoints.reach("after-answer")
        except asyncio.CancelledError:
            _stopped(request)
            return
        except Exception as error:
            if not isinstance(error, GatewayError):
                log.defect(error)
                error = GatewayError()
            # Its frames hold the body: without this only the garbage collector would let go of them.
            error.__traceback__ = None
            passage.refused = passage.refused or error.code
            passage.reason = passage.reason or error.detail
            if passage.outcome is None:
                passage.stop()
            _send(problem.answer(error, passage.request_id), request)
        passage.status = request.status
        passage.end(Step.ANSWER)
        self._gateway.observer.passed(passage)

    def stop(self, request: Request) -> None:
        """Answer what is in work when the stop may take no longer; what is on record by then goes on."""
        if not request.lasting:
            request.give_up()
            return
        _stopped(request)
        self._gateway.outlast(request.work)


async def _take(gateway: Gateway, request: Request, place: Place, passage: Passage) -> Answer:
    # A probe comes by any method and on a path that a proxy may have altered: it is known by its token.
    if probe.came(gateway, request):
        return await probe.report(gateway, request, place, passage)
    return await handler(request.method, request.path)(gateway, request, place, passage)


def handler(method: str, raw_path: bytes) -> Handler:
    """What answers a method on a path; raises `NotAuthentic` or `MethodNotAllowed`."""
    if _WEBHOOK.fullmatch(raw_path):
        return receive_webhook
    if _APPROVAL.fullmatch(raw_path):
        handlers: dict[str, Handler] = _APPROVALS
    elif raw_path == b"/livez":
        handlers = _LIVENESS
    else:
        raise NotAuthentic
    found = handlers.get(method)
    if found is None:
        raise MethodNotAllowed(", ".join(handlers))
    return found


async def _live(gateway: Gateway, request: Request, place: Place, passage: Passage) -> Answer:
    return Answer(200, b"ok\n", "text/plain")


_APPROVALS: dict[str, Handler] = {"GET": approvals.show, "HEAD": approvals.show, "POST": approvals.decide}
_LIVENESS: dict[str, Handler] = {"GET": _live, "HEAD": _live}


def _stopped(request: Request) -> None:
    _send(problem.answer(TryLater("the gateway stops"), request.id), request)


def _send(answer: Answer, request: Request) -> None:
    headers = [
        (b"content-type", _content_type(answer.media_type)),
        (b"x-request-id", request.id.encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers),
    ]
    request.answer(answer.status, headers, answer.body)


@lru_cache(64)
def _content_type(media_type: str) -> bytes:
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return f"{media_type}{charset}".encode()
