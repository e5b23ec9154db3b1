"""Somebody's webhook endpoint, which keeps what it gets and answers what it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send


@dataclass
class Receiver:
    """An ASGI app; `statuses` are its next answers, the last one for ever."""

    statuses: list[int] = field(default_factory=lambda: [200])
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.paths.append(request.url.path)
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.body())
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        await PlainTextResponse(f"answered {status}", status)(scope, receive, send)
