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
from collections.abc import Awaitable, Callable
from itertools import chain
from urllib.parse import urlsplit

from gateway.delivery import Answer
from gateway.errors import (
    GatewayError,
    HeadersTooLarge,
    NotAuthentic,
    Overloaded,
    RateLimited,
    Unverified,
)
from gateway.gateway import Gateway
from gateway.http.request import Request
from gateway.log import logger
from gateway.observe.passage import Passage
from gateway.public.peer import Peers
from gateway.public.rate import Rate
from gateway.public.room import Place, Room
from gateway.sources import Source

App = Callable[[Gateway, Request, Place, Passage], Awaitable[Answer]]

#: What providers send fits in a tenth of it.
_MAX_HEADERS = 100
_MAX_HEADER_BYTES = 32 * 1024
#: Twice the longest path that is given out.
_MAX_PATH = 8 * 1024
#: A flood is told once in so many seconds.
_TELL_AGAIN = 60.0


class Edge:
    """What stands before and behind all that the public app does; what it raises is answered instead."""

    def __init__(self, gateway: Gateway) -> None:
        settings = gateway.settings
        limits = settings.limits
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

    async def answer(self, app: App, request: Request, passage: Passage) -> Answer:
        """What `app` answers to a request, where it is looked at."""
        if self._prefixes:
            request.path = self._without_prefix(request.path)
        path = request.path
        client = self._peers.address(request.peer, request.headers)
        refusal = self._refusal(request) or self._limited(client, path)
        if refusal is not None:
            raise refusal
        place = self._room.body()
        self._at_work += 1
        try:
            answer = await app(self._gateway, request, place, passage)
        except GatewayError as error:
            self._count(error.status, client, path)
            raise
        finally:
            self._at_work -= 1
            place.leave()
        self._count(answer.status, client, path)
        return answer

    def _refusal(self, request: Request) -> GatewayError | None:
        """Why a request is not looked at, whoever sends it."""
        headers = request.headers
        if len(request.path) > _MAX_PATH:
            return NotAuthentic()
        # Names and values, each pair behind the other: in one go, as every delivery pays for it.
        if len(headers) > _MAX_HEADERS or sum(map(len, chain.from_iterable(headers))) > _MAX_HEADER_BYTES:
            return HeadersTooLarge()
        # A gateway that has much to do is alive: a restart would only make it worse.
        if self._at_work >= self._limit and request.path != b"/livez":
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

    def _without_prefix(self, path: bytes) -> bytes:
        for prefix in self._prefixes:
            if path.startswith(prefix + b"/"):
                return path[len(prefix) :]
        return path
