"""
What is refused before anything is looked at: too many at a time or a minute, too large, ambiguous.

What fails is counted by its answer. A wrong signature counts against the client's address together with the
path that it came to: an account's URL, which is its source's, or one callback's own. So neither another
source, nor another address, nor the other callbacks of the same source are shut out with it. What is not
authentic counts against the address alone, and past the bound is told 429 in place of 404: an authentic
token is taken from the same address all the same.
"""

from __future__ import annotations

import time
from itertools import chain
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import (
    GatewayError,
    HeadersTooLarge,
    NotAuthentic,
    Overloaded,
    RateLimited,
    Unverified,
)
from gateway.gateway import Gateway
from gateway.log import logger
from gateway.public.peer import Peers
from gateway.public.rate import Rate
from gateway.public.room import Room
from gateway.sources import Source

#: What providers send fits in a tenth of it.
_MAX_HEADERS = 100
_MAX_HEADER_BYTES = 32 * 1024
#: Twice the longest path that is given out.
_MAX_PATH = 8 * 1024
#: A flood is told once in so many seconds.
_TELL_AGAIN = 60.0


class Edge:
    """ASGI middleware around what the public app does; what it raises is answered outside of it."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        settings = gateway.settings
        limits = settings.limits
        self._app = app
        self._gateway = gateway
        self._limit = limits.concurrency
        self._at_work = 0
        # A proxy in front may pass a path prefix of a public URL on, or take it off: both work.
        paths = {urlsplit(url).path for url in settings.public_urls} - {""}
        self._prefixes = tuple(sorted((path.encode() for path in paths), key=len, reverse=True))
        self._room = Room(limits.large_bodies)
        self._peers = Peers(limits.trusted_proxies)
        self._unverified = Rate(limits.unverified_per_minute)
        self._unknown = Rate(limits.unknown_per_minute)
        self._deliveries = Rate(limits.callback_per_minute)
        self._told_at = -_TELL_AGAIN

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = self._without_prefix(scope)
        client = self._peers.address((scope["client"] or ("",))[0], scope["headers"])
        refusal = self._refusal(scope) or self._limited(client, scope["raw_path"])
        if refusal is not None:
            raise refusal
        place = self._room.body()

        async def bounded() -> Message:
            message = await receive()
            place.grow(len(message.get("body", b"")))
            return message

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(message["status"], client, scope["raw_path"])
            await send(message)

        self._at_work += 1
        try:
            await self._app(scope, bounded, counted)
        except GatewayError as error:
            self._count(error.status, client, scope["raw_path"])
            raise
        finally:
            self._at_work -= 1
            place.leave()

    def _refusal(self, scope: Scope) -> GatewayError | None:
        """Why a request is not looked at, whoever sends it."""
        headers = scope["headers"]
        if len(scope["raw_path"]) > _MAX_PATH:
            return NotAuthentic()
        # Names and values, each pair behind the other: in one go, as every delivery pays for it.
        if len(headers) > _MAX_HEADERS or sum(map(len, chain.from_iterable(headers))) > _MAX_HEADER_BYTES:
            return HeadersTooLarge()
        # A gateway that has much to do is alive: a restart would only make it worse.
        if self._at_work >= self._limit and scope["raw_path"] != b"/livez":
            return Overloaded("too many requests at a time")
        return None

    def _limited(self, client: str, path: bytes) -> RateLimited | None:
        """The refusal of a delivery because of those that came before it, from any or from this client."""
        if path[:3] not in (b"/c/", b"/s/"):
            return None
        now = time.monotonic()
        if wait := self._deliveries.wait(hash(path), now):
            return self._told("too many deliveries to one callback", path, wait, now)
        if wait := self._unverified.wait(hash((client, path)), now):
            return self._told("too many deliveries that were not verified", path, wait, now)
        return None

    def _count(self, status: int, client: str, path: bytes) -> None:
        """Count an answer; raises the refusal to be given in its place, where it is one too many."""
        now = time.monotonic()
        if status == NotAuthentic.status:
            if wait := self._unknown.wait(client, now):
                raise self._told("too many requests for what is not there", b"", wait, now)
            self._unknown.count(client, now)
            return
        if path.startswith(b"/c/"):
            self._deliveries.count(hash(path), now)
        if status >= 400 and status == self._unverified_status(path):
            self._unverified.count(hash((client, path)), now)

    def _unverified_status(self, path: bytes) -> int | None:
        """How a path's source answers what it can't verify."""
        source = self._source(path)
        if source is None:
            return None
        told = source.provider.responses.unverified
        return Unverified.status if told is None else told.status

    def _source(self, path: bytes) -> Source | None:
        return self._gateway.sources.get(path[3:].partition(b"/")[0].decode("latin-1"))

    def _told(self, reason: str, path: bytes, wait: int, now: float) -> RateLimited:
        """The refusal; in the log it stands once a minute, or a flood would fill the disk."""
        if now - self._told_at >= _TELL_AGAIN:
            self._told_at = now
            source = self._source(path)
            logger.warning("rate limited", reason=reason, source=source.name if source else None)
        return RateLimited(reason, wait)

    def _without_prefix(self, scope: Scope) -> Scope:
        raw_path: bytes = scope["raw_path"]
        for prefix in self._prefixes:
            if raw_path.startswith(prefix + b"/"):
                path = scope["path"].removeprefix(prefix.decode())
                return dict(scope) | {"path": path, "raw_path": raw_path[len(prefix) :]}
        return scope
