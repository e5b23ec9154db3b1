"""
The app behind the public listener: five paths and nothing else, no docs, no metrics, no banner.

Plain ASGI (https://asgi.readthedocs.io/en/stable/specs/www.html): a webhook needs a path of two known forms,
its headers and its body, and a framework's routing, requests and responses cost more than all of that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache

from starlette.types import Receive, Scope, Send

from gateway import failpoints, log, problem
from gateway.delivery import Answer
from gateway.errors import GatewayError, MethodNotAllowed, NotAuthentic, TryLater
from gateway.gateway import Gateway
from gateway.observe.passage import Passage, Step
from gateway.public import approvals, probe
from gateway.public.edge import Edge
from gateway.public.receive import receive as receive_webhook

#: Paths as they came: an encoded slash is no slash, and each has one spelling.
_WEBHOOK = re.compile(rb"/c/[^/]+/[^/]+|/s/[^/]+")
_APPROVAL = re.compile(rb"/a/[^/]+")

Handler = Callable[[Gateway, Scope, Receive, Passage], Awaitable[Answer]]


class PublicApp:
    """
    Answers each request once: with what its handler says, or with the problem that it raises.

    A defect of ours is a 500 and a log line with its place; nothing is raised to the server.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._edge = Edge(self._take, gateway)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        passage = scope["passage"] = Passage.begin()
        try:
            await self._edge(scope, receive, send)
        except asyncio.CancelledError:
            # The server stops and waits no longer; what is in work goes on to its end.
            passage.given_up = True
            if not passage.status:
                stopping = TryLater("the gateway stops")
                await _send(problem.answer(stopping, passage.request_id), passage, send)
            return
        except Exception as error:
            if not isinstance(error, GatewayError):
                log.defect(error)
                error = GatewayError()
            # Its frames hold the body, and the delivery's task holds it: without this only the garbage
            # collector would let go of them.
            error.__traceback__ = None
            passage.refused = passage.refused or error.code
            passage.reason = passage.reason or error.detail
            if passage.outcome is None:
                passage.stop()
            if not passage.status:
                await _send(problem.answer(error, passage.request_id), passage, send)
        self._gateway.observer.passed(passage)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        passage: Passage = scope["passage"]
        # A probe comes by any method and on a path that a proxy may have altered: it is known by its token.
        ours = probe.came(self._gateway, scope)
        answering = probe.report if ours else handler(scope["method"], scope["raw_path"])
        answer = await answering(self._gateway, scope, receive, passage)
        await _send(answer, passage, send)
        if answering is receive_webhook:
            await failpoints.reach("after-answer")


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


async def _live(gateway: Gateway, scope: Scope, receive: Receive, passage: Passage) -> Answer:
    return Answer(200, b"ok\n", "text/plain")


_APPROVALS: dict[str, Handler] = {"GET": approvals.show, "HEAD": approvals.show, "POST": approvals.decide}
_LIVENESS: dict[str, Handler] = {"GET": _live, "HEAD": _live}


async def _send(answer: Answer, passage: Passage, send: Send) -> None:
    headers = [
        (b"content-type", _content_type(answer.media_type)),
        (b"x-request-id", passage.request_id.encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers),
    ]
    if answer.status != 204:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    # The edge may still raise another answer in its place.
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    passage.status = answer.status
    await send({"type": "http.response.body", "body": answer.body})
    passage.end(Step.ANSWER)


@lru_cache(64)
def _content_type(media_type: str) -> bytes:
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return f"{media_type}{charset}".encode()
