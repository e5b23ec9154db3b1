"""An ASGI app (https://asgi.readthedocs.io/en/stable/specs/www.html) behind a connection of ours."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

from gateway import problem
from gateway.errors import TryLater
from gateway.http.request import Request


class Asgi:
    """
    Hands requests to an ASGI app and sends each answer as a whole; there is no lifespan.

    An app's defects end here: it has answered and logged them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, request: Request) -> None:
        with suppress(Exception):
            try:
                await _Exchange(request).run(self._app)
            except asyncio.CancelledError:
                answer = problem.render(TryLater("the gateway stops"), secrets.token_hex(8))
                request.answer(answer.status_code, answer.raw_headers, bytes(answer.body))

    def stop(self, request: Request) -> None:
        """Cancel it: it is answered then."""
        request.give_up()


class _Exchange:
    """One request as ASGI's messages."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""
        self._read = False

    async def run(self, app: ASGIApp) -> None:
        request = self._request
        path = request.path.decode("ascii")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": request.version,
            "method": request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": request.path,
            "query_string": request.query,
            "root_path": "",
            "headers": request.headers,
            "client": (request.peer, 0),
            "server": None,
            "state": {},
        }
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        request = self._request
        chunk = None if self._read else await request.more()
        if chunk is not None:
            self._read = request.whole
            return {"type": "http.request", "body": chunk, "more_body": not self._read}
        await request.hung_up()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [one for one in message["headers"] if one[0].lower() != b"content-length"]
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            self._request.answer(self._status, self._headers, self._body)
