"""As much of an HTTP server as a stand-in needs: it can refuse connections, and take them again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_HOST = "127.0.0.1"


def bound(port: int = 0) -> socket.socket:
    """A socket that queues connections from now on, on a free port where none is given."""
    return socket.create_server((_HOST, port), backlog=128)


def address(of: socket.socket) -> str:
    """A socket's host and port, `127.0.0.1:40123`."""
    return f"{_HOST}:{of.getsockname()[1]}"


@dataclass(frozen=True, slots=True)
class Request:
    """What came in; the headers' names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Server:
    """Answers each request with the status that `answer` gives for it, and no body."""

    def __init__(self, answer: Callable[[Request], Awaitable[int]]) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        with bound() as taken:
            self.url = f"http://{address(taken)}"

    async def open(self) -> None:
        """Take connections."""
        port = int(self.url.rpartition(":")[2])
        self._server = await asyncio.start_server(self._serve, sock=bound(port))

    async def close(self) -> None:
        """Refuse connections, and drop those that there are."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while True:
                status = await self._answer(await _read(reader))
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side hung up, or is to be refused
        finally:
            self._connections.discard(task)
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Request:
    """The next request, as the gateway's own clients send it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
