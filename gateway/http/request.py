"""One request on a connection: its head, its body as it comes in, and the one answer to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gateway.errors import BodyTooLarge, BodyTooSlow, Malformed

if TYPE_CHECKING:
    from gateway.http.connection import Connection

#: So much of a body may lie here unread before its sender is made to wait.
HIGH_WATER = 64 * 1024


class Request:
    """
    `path` and `query` as they came, `headers` with names in lower case, `peer` the address of whoever
    connected, `asked` whether its sender was told to go on with the body.

    `id` is what its answer and its log line call it, `work` the task that answers it. `lasting`: that work
    goes on if whoever asked is gone, and if the server stops. `status` is the answer's, 0 until there is one.
    """

    __slots__ = (
        "_chunks", "_connection", "_gone", "_late", "_news", "_unread", "_whole", "asked", "headers", "id",
        "keep_alive", "lasting", "method", "path", "peer", "query", "status", "version", "work",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        method: str,
        path: bytes,
        query: bytes,
        headers: list[tuple[bytes, bytes]],
        version: str,
        keep_alive: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.peer = connection.peer
        self.version = version
        self.keep_alive = keep_alive
        self.lasting = False
        self.asked = False
        self.id = ""
        self.status = 0
        self.work: asyncio.Task[None]
        self._connection = connection
        self._chunks: list[bytes] = []
        self._unread = 0
        self._whole = False
        self._gone = False
        self._late = False
        self._news: asyncio.Future[None] | None = None

    async def read(self, limit: int, seconds: float, take: Callable[[int], None]) -> bytes:
        """
        The body, `limit` bytes at most, within `seconds`; `take` is told how many came, and may raise.

        Raises `BodyTooLarge` before reading past the limit, `BodyTooSlow`, and `Malformed` where the sender
        hung up before its end.
        """
        if self._whole and self._unread <= HIGH_WATER:
            # Nearly always: it came with its head.
            return self._within(limit, self._unread, take)
        timer = asyncio.get_running_loop().call_later(seconds, self._too_late)
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                chunk = await self.more()
                if chunk is None:
                    raise Malformed("the sender hung up before the body was complete")
                size += len(chunk)
                take(len(chunk))
                if size > limit:
                    raise BodyTooLarge(f"the body is longer than {limit} bytes")
                parts.append(chunk)
                if self.whole:
                    return b"".join(parts)
                if self._late:
                    raise BodyTooSlow(f"the body was not complete within {seconds:g} seconds")
        finally:
            timer.cancel()

    def _within(self, limit: int, size: int, take: Callable[[int], None]) -> bytes:
        if size > limit:
            raise BodyTooLarge(f"the body is longer than {limit} bytes")
        take(size)
        chunks, self._chunks, self._unread = self._chunks, [], 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def more(self) -> bytes | None:
        """What came of the body since the last time, or b"" at its end; None where nothing more will."""
        while not (self._chunks or self._whole or self._gone or self._late):
            self._connection.expect_body(self)
            await self._wait()
        chunks, self._chunks, self._unread = self._chunks, [], 0
        if not chunks and self._gone and not self._whole:
            return None
        self._connection.read_on()
        return b"".join(chunks)

    @property
    def whole(self) -> bool:
        """Whether all of the body has been read."""
        return self._whole and not self._chunks

    async def hung_up(self) -> None:
        """Return once whoever asked is gone or answered."""
        while not (self._gone or self.status):
            await self._wait()

    async def _wait(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """
        Send the answer, `content-length` added; nothing more where one was sent or nobody is there any more.

        Raises `ValueError` for a line break in a header.
        """
        if not self.status:
            head = b"".join([b"%b: %b\r\n" % header for header in headers])
            if head.count(b"\n") != len(headers) or head.count(b"\r") != len(headers):
                raise ValueError("a line break in a header of an answer")
            self.status = status
            if not self._gone:
                self._connection.send(self, status, head, body)
            self._tell()

    def cancel(self, msg: object = None) -> None:
        """Called by uvicorn where its stop may take no longer."""
        self._connection.config.handler.stop(self)

    def give_up(self) -> None:
        """Cancel what is at work on its answer."""
        self.work.cancel()

    def came(self, chunk: bytes) -> int:
        """A piece of its body is here; how many bytes lie unread."""
        self._chunks.append(chunk)
        self._unread += len(chunk)
        self._tell()
        return self._unread

    def ended(self) -> None:
        """Its body is here as a whole."""
        self._whole = True
        self._tell()

    def left(self) -> None:
        """Nothing more comes, and no answer gets there."""
        self._gone = True
        self._tell()

    def _too_late(self) -> None:
        self._late = True
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)
