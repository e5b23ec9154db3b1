"""
The one way out to providers: fetches what a delivery can't be verified without.

What is asked for was held against the provider's own places before (`gateway.providers.fetch`), and here
once more against the network: https only, no redirect, no proxy, no address that is not on the public
internet, and the connection goes to the address that was looked at. Answers are bounded in size and time,
kept as long as the key itself counts, and a place that answers badly is left alone for a while.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, TryLater, Unverified
from gateway.log import logger
from gateway.providers.fetch import Fetch

if TYPE_CHECKING:
    from pyreqwest.client import Client
    from pyreqwest.response import Response

#: The whole of a fetch. Providers that need one wait for 10 s and more.
_SECONDS = 3.0
#: Google's set of keys has 1.5 kB, a certificate with its chain 6 kB.
_MAX_ANSWER = 64 * 1024
#: A source needs a handful.
_MAX_KEPT = 256
#: Whoever forges key ids makes us ask for each: in ten seconds so many new ones of a host, and no more.
_MAX_NEW, _NEW_SECONDS = 20, 10.0
#: What does not exist is not asked for again for a minute; whoever does not answer, for five seconds.
_REFUSED_SECONDS, _AWAY_SECONDS = 60.0, 5.0
#: An answer that is not to be kept at all would be asked for with each delivery.
_MIN_KEPT = 60.0

Resolve = Callable[[str], Awaitable[Sequence[tuple[str, int]]]]


async def resolve(host: str) -> Sequence[tuple[str, int]]:
    """The addresses of a host, with the port of https."""
    found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return [(str(address[0]), 443) for *_, address in found]


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet: not loopback, private, link-local or the like."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is not None and not inner.is_global:
            return False
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, or why there is none, and until when that counts (monotonic seconds)."""

    until: float
    data: bytes = b""
    problem: type[GatewayError] | None = None
    detail: str = ""


@dataclass
class Fetcher:
    """
    Fetches, and remembers.

    `resolve` and `allowed` are the network's; `roots` are trusted beside the usual certificates, in PEM.
    """

    resolve: Resolve = resolve
    allowed: Callable[[str], bool] = is_public
    roots: tuple[bytes, ...] = ()
    clock: Callable[[], float] = time.monotonic
    seconds: float = _SECONDS
    _kept: OrderedDict[Fetch, _Kept] = field(default_factory=OrderedDict)
    _flights: dict[Fetch, asyncio.Task[_Kept]] = field(default_factory=dict)
    _starts: dict[str, deque[float]] = field(default_factory=dict)

    async def get(self, fetch: Fetch) -> bytes:
        """
        What is fetched, from memory where it still counts; many who ask for the same share one request.

        Raises `TryLater` where it can't be had now, `Unverified` where there is no such thing.
        """
        kept = self._kept.get(fetch)
        if kept is None or kept.until <= self.clock():
            if (flight := self._flights.get(fetch)) is None:
                self._count(fetch.host)
                flight = self._flights[fetch] = asyncio.create_task(self._fetch(fetch))
                flight.add_done_callback(lambda _: self._flights.pop(fetch, None))
            # Whoever asked first may be gone before the others.
            kept = await asyncio.shield(flight)
        if kept.problem is not None:
            raise kept.problem(kept.detail)
        return kept.data

    async def visit(self, url: str) -> None:
        """Ask a URL once, for what asking does; raises `TryLater` where it did not answer 200."""
        fetch = Fetch(url, timedelta())
        self._count(fetch.host)
        found = await self._ask(fetch)
        if found.problem is not None:
            raise TryLater(found.detail)

    async def close(self) -> None:
        """End what is under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _count(self, host: str) -> None:
        """Count a request to a host; raises `TryLater` where there were too many just now."""
        now = self.clock()
        starts = self._starts.setdefault(host, deque(maxlen=_MAX_NEW))
        if len(starts) == _MAX_NEW and now - starts[0] < _NEW_SECONDS:
            raise TryLater(f"too many different keys of {host} were asked for just now")
        starts.append(now)

    async def _fetch(self, fetch: Fetch) -> _Kept:
        kept = await self._ask(fetch)
        if kept.problem is not None:
            logger.warning("not fetched", host=fetch.host, reason=kept.detail)
        self._kept[fetch] = kept
        self._kept.move_to_end(fetch)
        while len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return kept

    async def _ask(self, fetch: Fetch) -> _Kept:
        # Few sources fetch anything: it is 7 MB that most gateways do without. A thread loads it, so that the
        # event loop does not stand still meanwhile, on a cold disk for 60 ms.
        await asyncio.to_thread(import_module, "pyreqwest.client")
        from pyreqwest.exceptions import PyreqwestError

        try:
            async with asyncio.timeout(self.seconds):
                return await self._exchange(fetch)
        except TimeoutError:
            return self._away(f"{fetch.host} did not answer within {self.seconds:g} seconds")
        except (OSError, PyreqwestError) as error:
            return self._away(f"{fetch.host} was not reached: {type(error).__name__}")

    async def _exchange(self, fetch: Fetch) -> _Kept:
        addresses = await self.resolve(fetch.host)
        if not addresses or not all(self.allowed(address) for address, _ in addresses):
            return self._away(f"{fetch.host} is not on the public internet, by what its name leads to")
        address, port = addresses[0]
        async with self._client(fetch.host, address, port) as client:
            asked = client.post(fetch.url) if fetch.body is not None else client.get(fetch.url)
            if fetch.body is not None:
                asked = asked.header("content-type", "application/json").body_bytes(fetch.body)
            async with asked.build_streamed() as response:
                return await self._judge(fetch, response)

    async def _judge(self, fetch: Fetch, response: Response) -> _Kept:
        status = response.status
        if status in (408, 425, 429) or status >= 500:
            return self._away(f"{fetch.host} answered HTTP {status}")
        if status != 200:
            # A redirect too: what is wanted stands where it was said to stand.
            detail = f"{fetch.host} has no such key or certificate: HTTP {status}"
            return _Kept(self.clock() + _REFUSED_SECONDS, b"", Unverified, detail)
        data = b""
        while chunk := await response.body_reader.read_chunk():
            data += bytes(chunk)
            if len(data) > _MAX_ANSWER:
                return self._away(f"{fetch.host} answered with more than {_MAX_ANSWER} bytes")
        found = re.search(r"(?:^|[\s,])max-age=(\d{1,9})", response.get_header("cache-control") or "")
        seconds = fetch.keep.total_seconds()
        if found is not None:
            seconds = min(seconds, max(float(found[1]), _MIN_KEPT))
        return _Kept(self.clock() + seconds, data)

    def _away(self, detail: str) -> _Kept:
        return _Kept(self.clock() + _AWAY_SECONDS, b"", TryLater, detail)

    def _client(self, host: str, address: str, port: int) -> Client:
        """A client that reaches a host at one address, whatever its name leads to by then."""
        from pyreqwest.client import ClientBuilder

        builder = (
            ClientBuilder()
            .https_only(True)
            .follow_redirects(False)
            .no_proxy()
            .referer(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .timeout(timedelta(seconds=self.seconds))
            .resolve(host, address, port)
        )
        for root in self.roots:
            builder = builder.add_root_certificate_pem(root)
        return builder.build()
