"""
POST to one address of Restate's ingress, on connections that are kept: HTTP/1.1 with httptools' parser.

A library would do, and cost a quarter of all that a delivery does: under load pyreqwest takes 105 µs of CPU a
call, most of it for its threads and ours to take turns, aiohttp 90, plain httpx 2,200; this 40. It knows what
Restate's ingress needs and nothing else: no redirects, proxies, cookies or compression, and of an answer only
its status and its date.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import urlsplit

import httptools

from gateway.deadline import Deadline

#: An answer's head and its body may each have so many bytes; Restate's have a few hundred.
_MAX_ANSWER = 64 * 1024
#: Connections that are kept for the next calls.
_KEPT = 64


class Ingress:
    """One address; `url` is http or https, `connect_within` the seconds that a connection may take."""

    def __init__(self, url: str, connect_within: float) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self.name = parts.netloc
        self._host, self._port = parts.hostname or "", parts.port or (443 if secure else 80)
        self._tls = ssl.create_default_context() if secure else None
        self._start = f"POST {parts.path.rstrip('/')}"
        self._host_line = f" HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        self._connect_within = connect_within
        self._kept: list[_Connection] = []
        #: What the last date that it gave was, and when it was first seen, in seconds since the epoch.
        self.dated: tuple[bytes, float] | None = None

    async def post(self, path: str, headers: Mapping[str, str], body: bytes, within: float) -> int:
        """
        The status of the answer, whose body is read and dropped.

        Raises `OSError`, `TimeoutError` for one, where there is none within so many seconds: the call may
        have been taken all the same. It has to be harmless when it is repeated, for that happens here too,
        where a connection that was kept turns out to be closed.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + within
        request = self._request(path, headers, body)
        if self._kept:
            try:
                return await self._kept.pop().call(request, ends)
            except _Stale:
                pass  # once: what else is kept may be as old
        async with asyncio.timeout(min(self._connect_within, within)):
            _, connection = await loop.create_connection(
                lambda: _Connection(loop, self._kept, self._say_date), self._host, self._port, ssl=self._tls
            )
        return await connection.call(request, ends)

    def close(self) -> None:
        """Close the connections that are kept."""
        for connection in list(self._kept):
            connection.abort()

    def _say_date(self, date: bytes) -> None:
        if self.dated is None or self.dated[0] != date:
            self.dated = (date, time.time())

    def _request(self, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{self._start}{path}{self._host_line}{lines}content-length: {len(body)}\r\n\r\n"
        if head.count("\n") != len(headers) + 4 or head.count("\r") != len(headers) + 4:
            raise ValueError("a line break in a header of a call to Restate")
        return head.encode("latin-1") + body


class _Stale(Exception):
    """A connection that was kept was closed before it answered anything."""


class _Connection(asyncio.Protocol):
    """One connection, with one call at a time; it puts itself back among those that are `kept`."""

    _transport: asyncio.Transport
    #: Bytes of the part of the answer that is coming in, its head or its body.
    _size = 0
    #: The answer's status once its head is there.
    _status: int | None = None
    #: Whether the answer says where it ends; one that does not ends with the connection.
    _has_end = False
    _begun = False
    _answered_before = False

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        kept: list[_Connection],
        say_date: Callable[[bytes], None],
    ) -> None:
        self._loop = loop
        self._kept = kept
        self._say_date = say_date
        self._due = Deadline(loop, lambda: self._fail(TimeoutError("no answer in time")))
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None

    async def call(self, request: bytes, ends: float) -> int:
        """
        The status of the answer to a request, which has to be there by a time on the loop's clock.

        Raises `OSError`, and `_Stale` for it to be sent again.
        """
        answer: asyncio.Future[int] = self._loop.create_future()
        self._answer = answer
        self._due.set(ends)
        self._transport.write(request)
        try:
            return await answer
        finally:
            self._due.clear()
            if self._answer is answer:
                # Whoever called waits no longer, and the answer would be taken for the next one's.
                self.abort()

    def abort(self) -> None:
        """Close, whatever is under way."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """A piece of an answer."""
        self._begun = True
        if self._status is None:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(ConnectionError("what answers is not HTTP"))
        if self._size > _MAX_ANSWER and self._answer is not None:
            # Its status says all that is of use, where it is there.
            self._settle(ConnectionError("the answer has no end"))
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of an answer."""
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._has_end = True
        elif name == b"date":
            self._say_date(value)

    def on_headers_complete(self) -> None:
        """The head of an answer is there."""
        self._size = 0
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """A piece of an answer's body."""
        self._size += len(body)

    def on_message_complete(self) -> None:
        """An answer is there as a whole."""
        if self._status is not None and self._status < 200:
            self._status = None  # RFC 9110, 15.2: the answer is still to come
            return
        if self._answer is None or not self._parser.should_keep_alive() or len(self._kept) >= _KEPT:
            self.abort()
        else:
            self._kept.append(self)
        self._settle(ConnectionError("an answer without a head"))

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._due.close()
        if self in self._kept:
            self._kept.remove(self)
        if exc is not None or self._has_end:
            self._status = None
        stale = self._answered_before and not self._begun
        self._settle(_Stale() if stale else exc or ConnectionError("closed without an answer"))

    def _fail(self, error: Exception) -> None:
        self._status = None
        self._settle(error)
        self.abort()

    def _settle(self, otherwise: Exception) -> None:
        """Give whoever waits the status, or the error where there is none."""
        answer, self._answer = self._answer, None
        status, self._status = self._status, None
        self._size, self._has_end, self._begun = 0, False, False
        if answer is None or answer.done():
            return
        if status is None:
            answer.set_exception(otherwise)
        else:
            self._answered_before = True
            answer.set_result(status)
