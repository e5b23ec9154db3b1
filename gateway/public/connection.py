"""
A connection that does not get to the point is closed.

uvicorn 0.54 waits without an end for a request's head, for the first one on a new connection above all,
and for the rest of a body that was answered already: whoever trickles bytes holds a socket for ever.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):
    """uvicorn's connection with a deadline for the head of each request."""

    #: Providers send a head in one packet.
    head_seconds: ClassVar[float] = 10
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """The first head is due from now on."""
        super().connection_made(transport)
        self._expect_within(self.head_seconds)

    def on_headers_complete(self) -> None:
        """The head is there; its body has a deadline of its own."""
        self._expect_nothing()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The next head may come until the connection is idle for too long, and then has its own time."""
        super().on_response_complete()
        self._expect_within(self.timeout_keep_alive + self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        if not self.transport.is_closing():
            self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
