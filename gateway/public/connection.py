"""
A connection that does not get to the point is closed, and there are only so many of them.

uvicorn 0.54 waits without an end for a request's head, for the first one on a new connection above all,
for the rest of a body that was answered already, and for a reader that does not read: whoever trickles
bytes holds a socket for ever. It keeps a head or a chunked body's trailer however long it is, and loses the
body of a request that offers another protocol.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, Literal

import httptools
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway import problem
from gateway.errors import GatewayError, HeadersTooLarge, Malformed, TryLater

#: Twice what an app of ours takes of a head, so that its own refusal comes first where it can.
_MAX_HEAD = 64 * 1024
#: Requests that wait for the answer to the one before them.
_MAX_PIPELINED = 128


class Listener(uvicorn.Config):
    """
    uvicorn's settings for one listener, with a bound on its connections.

    `idle` are those that wait for a head, the one that has waited longest first. `on_refusal` is told what is
    refused here, before the app.
    """

    def __init__(
        self,
        app: ASGIApp,
        connections: int,
        on_refusal: Callable[[GatewayError], None] = lambda error: None,
        **settings: Any,
    ) -> None:
        super().__init__(app, **settings | {"http": Connection})
        self.at_most = connections
        self.on_refusal = on_refusal
        self.idle: dict[Connection, None] = {}


class Connection(HttpToolsProtocol):
    """uvicorn's connection with bounds of time and size for each request and each answer."""

    config: Listener
    #: Providers send a head in one packet.
    head_seconds: ClassVar[float] = 10
    #: What comes of a body after its answer is thrown away; a sender that is about to read it needs no more.
    rest_seconds: ClassVar[float] = 2
    #: An answer is a few hundred bytes: this is for a reader that does not read.
    answer_seconds: ClassVar[float] = 10
    _reading: Literal["nothing", "head", "body"] = "nothing"
    #: Bytes that came since the last that was good for something: a head's end, a piece of a body.
    _pointless = 0
    _offers_protocol = False
    _refused = False
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """The first head is due from now on. One too many takes the place of the one idle for longest."""
        super().connection_made(transport)
        if len(self.connections) > self.config.at_most:
            longest = next(iter(self.config.idle), None)
            if longest is None:
                self._refuse(TryLater("too many connections"))
                self.transport.close()
                return
            longest.end()
        self._expect_within(self.head_seconds)

    def data_received(self, data: bytes) -> None:
        """Take what came, as far as it is HTTP and leads somewhere."""
        self._unset_keepalive_if_required()
        if self._refused:
            return
        self._pointless += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_offer(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._give_up(Malformed("this is not HTTP as RFC 9112 describes it"))
        else:
            if self._pointless > _MAX_HEAD:
                self._give_up(HeadersTooLarge())

    def on_message_begin(self) -> None:
        """A head has to be there soon after its first byte; the first one after the connection was made."""
        super().on_message_begin()
        self._reading = "head"
        if self.cycle is not None:
            self._expect_within(self.head_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. What follows a body in chunks is none: it was not there when the head was judged."""
        if self._reading == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there; its body has a deadline of its own, in the app."""
        self._offers_protocol = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._offers_protocol:
            return
        self._check_head()
        super().on_headers_complete()
        self._reading = "body"
        self._pointless = 0
        self._expect_nothing()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._pointless = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        if self._offers_protocol:
            return
        self._reading = "nothing"
        if self.cycle.response_complete:
            self._expect_within(self.timeout_keep_alive)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The rest of a body is due that was answered before its end, or else the next head, some time."""
        super().on_response_complete()
        if self.transport.is_closing():
            if self.transport.get_write_buffer_size():
                self.pause_writing()
        elif self.cycle.response_complete and self._reading != "head":
            self._expect_within(self.timeout_keep_alive if self._reading == "nothing" else self.rest_seconds)

    def pause_writing(self) -> None:
        """The other side does not read: it has to begin soon."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.answer_seconds, self.end)

    def resume_writing(self) -> None:
        """The other side reads."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._expect_nothing()
        super().connection_lost(exc)
        self.resume_writing()

    def end(self) -> None:
        """Close, whether or not the other side has read everything."""
        self._expect_nothing()
        self.transport.abort()

    def _check_head(self) -> None:
        """Raise for what httptools lets pass: it ends there, as all that is not HTTP."""
        version = self.parser.get_http_version()
        hosts = [name for name, _ in self.headers].count(b"host")
        # RFC 9112, 3.2: whoever stands in front may have read the other one.
        if version not in ("1.0", "1.1") or hosts > 1 or (hosts == 0 and version == "1.1"):
            raise httptools.HttpParserError("not a head of HTTP/1.1")
        # All that one read has brought is parsed at once, and meanwhile nobody else is served.
        if len(self.pipeline) >= _MAX_PIPELINED:
            raise httptools.HttpParserError("too many requests ahead of their answers")

    def _ignore_offer(self, rest: bytes) -> None:
        """
        Go on with a request that offers another protocol as if it had not (RFC 9110, 7.8).

        httptools takes everything behind such a head for the other protocol's, so the head is told again.
        """
        if not self._offers_protocol:
            self.cycle.keep_alive = False  # CONNECT: what follows is for nobody
            return
        version = self.parser.get_http_version().encode()
        first = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
        headers = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self.data_received(b"".join([first, *headers, b"\r\n", rest]))

    def _give_up(self, error: GatewayError) -> None:
        """Read no further; what came before is answered first, and nothing after it."""
        self._refused = True
        begun = self.cycle is not None and self._reading == "body" and not self.pipeline
        if begun and self.cycle.response_complete:
            self.end()
        elif begun or self.cycle is None or self.cycle.response_complete:
            self._refuse(error)
        else:
            self.cycle.keep_alive = False

    def _refuse(self, error: GatewayError) -> None:
        """Answer in the app's place, and close once the other side has had time to read it."""
        self._refused = True
        self.config.on_refusal(error)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = problem.render(error, secrets.token_hex(8))
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = [b"%b: %b\r\n" % header for header in headers]
        first = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n".encode()
        self.transport.write(b"".join([first, *lines, b"\r\n", bytes(answer.body)]))
        self.transport.write_eof()
        self._expect_within(self.rest_seconds)

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        if not self.transport.is_closing():
            self._deadline = self.loop.call_later(seconds, self.end)
            self.config.idle[self] = None

    def _expect_nothing(self) -> None:
        self.config.idle.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
