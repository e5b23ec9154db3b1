"""What is refused before anything is looked at: too many at a time, headers too large, stopping."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import problem
from gateway.errors import HeadersTooLarge, NotAuthentic, TryLater
from gateway.gateway import Gateway

#: What providers send fits in a tenth of it.
_MAX_HEADERS = 100
_MAX_HEADER_BYTES = 32 * 1024
#: Twice the longest path that is given out.
_MAX_PATH = 8 * 1024


class Edge:
    """ASGI middleware around the public app."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._limit = gateway.settings.limits.concurrency
        self._at_work = 0
        # A proxy in front may pass a path prefix of public_url on, or take it off: both work.
        self._prefix = urlsplit(gateway.settings.public_url).path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = scope["headers"]
        # A gateway that has much to do is alive: a restart would only make it worse.
        full = self._at_work >= self._limit and scope["path"] != "/livez"
        size = sum(len(name) + len(value) for name, value in headers)
        if len(scope["raw_path"]) > _MAX_PATH:
            refusal: HeadersTooLarge | NotAuthentic | TryLater = NotAuthentic()
        elif len(headers) > _MAX_HEADERS or size > _MAX_HEADER_BYTES:
            refusal = HeadersTooLarge()
        elif full:
            refusal = TryLater("too many requests at a time")
        else:
            self._at_work += 1
            try:
                await self._app(self._without_prefix(scope), receive, send)
            finally:
                self._at_work -= 1
            return
        await problem.render(refusal, secrets.token_hex(8))(scope, receive, send)

    def _without_prefix(self, scope: Scope) -> Scope:
        raw = self._prefix.encode()
        if not raw or not scope["raw_path"].startswith(raw + b"/"):
            return scope
        path = scope["path"].removeprefix(self._prefix)
        return dict(scope) | {"path": path, "raw_path": scope["raw_path"][len(raw) :]}
