"""
A stand-in for Restate's ingress: it takes what the gateway brings, and keeps it for the test to look at.

It is no Restate. It runs no handler and knows no service and no invocation: it takes whatever is brought,
where Restate answers 404 for a service that is not registered. It has no admin API: targets are not checked,
and `took_effect` stays unknown. It keeps the two promises of Restate's that the gateway builds on: the first
completion of an awakeable counts, and a send with an idempotency key that was there before changes nothing.
Code that waits in a handler needs the real server: `running(…, ingress_url=…)`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.testing.loopback import Request, Server

#: Opening and closing a socket takes none.
_SECONDS = 10.0
_CALL = re.compile(r"/restate/(?:awakeables/([^/]+)/(resolve|reject)|send/(.+))")


@dataclass(frozen=True, slots=True)
class Received:
    """
    What waiting code gets.

    `how` is `resolve`, `reject` or `send`, and `to` an awakeable's id, or `Service/key/handler`. `value` is
    the event as JSON (README, "What the waiting code receives"); for a reject, the error's text.
    """

    how: str
    to: str = field(repr=False)
    value: Any


class FakeRestate:
    """
    Restate as the gateway sees it. `received` is all that was taken, `calls` how often it was called.

    `away`, `slow` and `answering` say how it fails, each for the time of a `with` block.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.calls = 0
        self._seen: set[str] = set()
        self._seconds = 0.0
        self._status: int | None = None
        self._server = Server(self._answer)
        self.url = self._server.url
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Refuse connections: deliveries are `pending`, and brought within three seconds of the end."""
        self._do(self.close())
        try:
            yield
        finally:
            self._do(self.open())

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Answer so much later. From 2.2 seconds on a provider is answered before Restate is."""
        before, self._seconds = self._seconds, seconds
        try:
            yield
        finally:
            self._seconds = before

    @contextmanager
    def answering(self, status: int) -> Iterator[None]:
        """Take nothing, and answer with a status: 503 is tried again, 404 until the expiry, 400 is `dead`."""
        before, self._status = self._status, status
        try:
            yield
        finally:
            self._status = before

    async def open(self) -> None:
        """Take connections."""
        self._loop = asyncio.get_running_loop()
        await self._server.open()

    async def close(self) -> None:
        """Refuse connections, and drop those that there are."""
        await self._server.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "it is opened with its gateway"
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    async def _answer(self, request: Request) -> int:
        if request.method != "POST":
            # The status of an invocation, as a server answers that has no such route.
            return 404
        self.calls += 1
        await asyncio.sleep(self._seconds)
        if self._status is not None:
            return self._status
        return 202 if self._take(request) else 404

    def _take(self, request: Request) -> bool:
        """Keep what a call brings, once; whether it is a call that brings something."""
        found = _CALL.fullmatch(request.path)
        if found is None:
            return False
        awakeable, how, target = found.groups()
        identity = awakeable or f"{target}\n{request.headers.get('idempotency-key')}"
        if identity not in self._seen:
            self._seen.add(identity)
            text = request.body.decode()
            value = text if how == "reject" else json.loads(text)
            self.received.append(Received(how or "send", awakeable or target, value))
        return True
