"""
A connection: its requests one after the other, each answered by the app before the next is begun.

What does not get to the point is closed, and there are only so many connections: whoever trickles bytes would
hold a socket for ever.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar, Literal, Protocol, cast

import httptools
import uvicorn
from uvicorn.server import ServerState

from gateway import problem
from gateway.deadline import Deadline
from gateway.errors import GatewayError, HeadersTooLarge, Malformed, TryLater
from gateway.http.request import HIGH_WATER, Request

#: Twice what an app of ours takes of a head, so that its own refusal comes first where it can.
_MAX_HEAD = 64 * 1024
#: Requests that wait for the answer to the one before them.
_MAX_PIPELINED = 128
_REGISTERED = frozenset(HTTPStatus)


class App(Protocol):
    """Answers requests, each once; what it raises is lost."""

    async def __call__(self, request: Request) -> None:
        """Answer a request."""
        ...

    def stop(self, request: Request) -> None:
        """Answer a request whose work takes longer than the server's stop may, or cancel that work."""
        ...


class Listener(uvicorn.Config):
    """
    uvicorn's settings for one listener, with a bound on its connections.

    `idle` are those that wait for a head, the one that has waited longest first. `on_refusal` is told what is
    refused here, before the app.
    """

    def __init__(
        self,
        handler: App,
        connections: int,
        on_refusal: Callable[[GatewayError], None] = lambda error: None,
        **settings: Any,
    ) -> None:
        # It is no ASGI app, and uvicorn only hands it on.
        super().__init__(cast(Any, handler), **{"http": Connection} | settings, interface="asgi3")
        self.handler = handler
        self.at_most = connections
        self.on_refusal = on_refusal
        self.idle: dict[Connection, None] = {}


class Connection(asyncio.Protocol):
    """One connection of a listener; made, and asked to `shutdown`, by uvicorn's server."""

    #: Providers send a head in one packet.
    head_seconds: ClassVar[float] = 10
    #: What comes of a body after its answer is thrown away; a sender that is about to read it needs no more.
    rest_seconds: ClassVar[float] = 2
    #: An answer is a few hundred bytes: this is for a reader that does not read.
    answer_seconds: ClassVar[float] = 10

    _transport: asyncio.Transport
    _reading: Literal["nothing", "head", "body"] = "nothing"
    #: Bytes that came since the last that was good for something: a head's end, a piece of a body.
    _pointless = 0
    _offers_protocol = False
    _refused = False
    _paused = False
    #: Whether a head that came in part has its deadline.
    _head_is_due = False
    #: What came last, whose body may still come in, and what the app is at work on.
    _latest: Request | None = None
    _at_work: Request | None = None
    _unread: asyncio.TimerHandle | None = None

    def __init__(
        self,
        config: Listener,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.config = config
        self.peer = ""
        self._server = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._waiting: deque[Request] = deque()
        #: When the connection is closed unless something comes.
        self._due = Deadline(self._loop, self.end)
        self._parse()

    def _parse(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # Requests that follow one which closes the connection are there all the same: RFC 9112, 9.6.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first head is due from now on. One too many takes the place of the one idle for longest."""
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self.peer = _host(transport.get_extra_info("peername"))
        self._server.connections.add(cast(Any, self))
        if len(self._server.connections) > self.config.at_most:
            longest = next(iter(self.config.idle), None)
            if longest is None:
                self._refuse(TryLater("too many connections"))
                self._transport.close()
                return
            longest.end()
        self._expect_within(self.head_seconds)

    def data_received(self, data: bytes) -> None:
        """Take what came, as far as it is HTTP and leads somewhere."""
        if self._refused:
            return
        self._pointless += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_offer(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._give_up(Malformed("this is not HTTP as RFC 9112 describes it"))
        else:
            if self._pointless > _MAX_HEAD:
                self._give_up(HeadersTooLarge())
            elif self._reading == "head" and not self._head_is_due and self._latest is not None:
                # It has to be there soon after its first byte; the first one after the connection was made.
                self._head_is_due = True
                self._expect_within(self.head_seconds)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._reading = "head"
        self._head_is_due = False

    def on_url(self, target: bytes) -> None:
        """A piece of a request's target."""
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. What follows a body in chunks is none: it was not there when the head was judged."""
        if self._reading == "head":
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there; its body has a deadline of its own, in the app."""
        parser = self._parser
        method = parser.get_method()
        self._offers_protocol = parser.should_upgrade() and method != b"CONNECT"
        if self._offers_protocol:
            return
        version = parser.get_http_version()
        self._check_head(version)
        path, query = _path_and_query(self._target)
        self._latest = request = Request(
            self,
            method.decode(),
            path,
            query,
            self._headers,
            version,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
        )
        self._reading = "body"
        self._pointless = 0
        self._expect_nothing()
        if self._at_work is None:
            self._begin(request)
        else:
            self._waiting.append(request)
            self._pause()

    def on_body(self, chunk: bytes) -> None:
        """A piece of a body."""
        self._pointless = 0
        request = self._latest
        if request is not None and not request.status and request.came(chunk) > HIGH_WATER:
            self._pause()

    def on_message_complete(self) -> None:
        """A request is complete."""
        request = self._latest
        if self._offers_protocol or request is None:
            return
        self._reading = "nothing"
        if request.status:
            self._expect_within(self.config.timeout_keep_alive)
        else:
            request.ended()

    def expect_body(self, request: Request) -> None:
        """More of a body is waited for: whoever wants to be asked for it is."""
        if not (request.asked or request.status) and (b"expect", b"100-continue") in request.headers:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.asked = True

    def read_on(self) -> None:
        """What came was taken. Whoever does not read its answers is not read from either."""
        if self._paused and self._unread is None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _pause(self) -> None:
        if not (self._paused or self._transport.is_closing()):
            self._paused = True
            self._transport.pause_reading()

    def _begin(self, request: Request) -> None:
        self._at_work = request
        request.work = self._loop.create_task(self._work(request))

    async def _work(self, request: Request) -> None:
        at_work = self._server.tasks
        at_work.add(cast(Any, request))
        try:
            await self.config.handler(request)
        finally:
            at_work.discard(cast(Any, request))
            if not request.status:
                self.end()

    def send(self, request: Request, status: int, head: bytes, body: bytes) -> None:
        """Send an answer; then the next request's turn has come."""
        closing = b"" if request.keep_alive else b"connection: close\r\n"
        # RFC 9110, 6.4.1: a 204 has neither, and to HEAD goes the head alone.
        length = b"" if status == 204 else b"content-length: %d\r\n" % len(body)
        if request.method == "HEAD" or status == 204:
            body = b""
        dated = self._server.default_headers
        date = b"date: %b\r\n" % dated[0][1] if dated else b""
        self._transport.write(
            b"HTTP/1.1 %b%b%b%b%b\r\n%b" % (_status_line(status), date, head, length, closing, body)
        )
        self._server.total_requests += 1
        if not request.keep_alive:
            self._transport.close()
            if self._transport.get_write_buffer_size():
                self.pause_writing()
            return
        self._at_work = None
        self.read_on()
        if self._waiting:
            self._begin(self._waiting.popleft())
        elif self._reading != "head":
            # The rest of a body is due that was answered before its end, or else the next head, some time.
            nothing = self._reading == "nothing"
            self._expect_within(self.config.timeout_keep_alive if nothing else self.rest_seconds)

    def shutdown(self) -> None:
        """Called by uvicorn when it stops: close once what came is answered."""
        if self._latest is None or self._latest.status:
            self._transport.close()
        else:
            self._latest.keep_alive = False

    def pause_writing(self) -> None:
        """The other side does not read: it has to begin soon."""
        if self._unread is None:
            self._pause()
            self._unread = self._loop.call_later(self.answer_seconds, self.end)

    def resume_writing(self) -> None:
        """The other side reads."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
            self.read_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more, and no answer gets there."""
        self._server.connections.discard(cast(Any, self))
        self._expect_nothing()
        self._due.close()
        self.resume_writing()
        for request in (self._at_work, *self._waiting, self._latest):
            if request is not None:
                request.left()
        # They hold us as we hold them.
        self._waiting.clear()
        self._at_work = self._latest = None
        del self._parser

    def end(self) -> None:
        """Close, whether or not the other side has read everything."""
        self._expect_nothing()
        self._transport.abort()

    def _check_head(self, version: str) -> None:
        """Raise for what httptools lets pass: it ends there, as all that is not HTTP."""
        hosts = 0
        for name, _ in self._headers:
            if name == b"host":
                hosts += 1
        # RFC 9112, 3.2: whoever stands in front may have read the other one.
        if version not in ("1.0", "1.1") or hosts > 1 or (hosts == 0 and version == "1.1"):
            raise httptools.HttpParserError("not a head of HTTP/1.1")
        # All that one read has brought is parsed at once, and meanwhile nobody else is served.
        if len(self._waiting) >= _MAX_PIPELINED:
            raise httptools.HttpParserError("too many requests ahead of their answers")

    def _ignore_offer(self, rest: bytes) -> None:
        """
        Go on with a request that offers another protocol as if it had not (RFC 9110, 7.8).

        httptools takes everything behind such a head for the other protocol's, so the head is told again.
        """
        if not self._offers_protocol:
            if self._latest is not None:
                self._latest.keep_alive = False  # CONNECT: what follows is for nobody
            return
        version = self._parser.get_http_version().encode()
        first = b"%b %b HTTP/%b\r\n" % (self._parser.get_method(), self._target, version)
        headers = [b"%b: %b\r\n" % header for header in self._headers if header[0] != b"upgrade"]
        self._parse()
        self.data_received(b"".join([first, *headers, b"\r\n", rest]))

    def _give_up(self, error: GatewayError) -> None:
        """Read no further; what came before is answered first, and nothing after it."""
        self._refused = True
        latest = self._latest
        answered = latest is None or latest.status != 0
        begun = latest is not None and self._reading == "body" and not self._waiting
        if begun and answered:
            self.end()
        elif begun or answered:
            self._refuse(error)
        elif latest is not None:
            latest.keep_alive = False

    def _refuse(self, error: GatewayError) -> None:
        """Answer in the app's place, and close once the other side has had time to read it."""
        self._refused = True
        self.config.on_refusal(error)
        if self._latest is not None:
            self._latest.left()
        answer = problem.render(error, secrets.token_hex(8))
        headers = [*self._server.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self._transport.write(
            b"".join([b"HTTP/1.1 ", _status_line(error.status), *lines, b"\r\n", bytes(answer.body)])
        )
        self._transport.write_eof()
        self._expect_within(self.rest_seconds)

    def _expect_within(self, seconds: float) -> None:
        if self._transport.is_closing():
            return
        self._due.set(self._loop.time() + seconds)
        idle = self.config.idle
        idle.pop(self, None)
        idle[self] = None

    def _expect_nothing(self) -> None:
        self._due.clear()
        self.config.idle.pop(self, None)


@lru_cache(100)
def _status_line(status: int) -> bytes:
    # RFC 9112, 4: a phrase may be empty. Some providers want a status that nobody has registered.
    phrase = HTTPStatus(status).phrase if status in _REGISTERED else ""
    return f"{status} {phrase}\r\n".encode()


def _path_and_query(target: bytes) -> tuple[bytes, bytes]:
    """Raises httptools' error for what is neither a path nor the URL of one."""
    if not target.isascii():
        raise httptools.HttpParserError("a target in other characters than ASCII's")
    if not target.startswith(b"/"):
        url = httptools.parse_url(target)
        if url.path is None:
            raise httptools.HttpParserError("a target without a path")
        return url.path, url.query or b""
    path, _, query = target.partition(b"#")[0].partition(b"?")
    return path, query


def _host(peer: object) -> str:
    """The address of a peer; "" for that of a Unix socket."""
    return str(peer[0]) if isinstance(peer, tuple | list) else ""
