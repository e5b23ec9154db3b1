"""
A TCP proxy that fails as it is told: between the gateway and Restate, for what a network does to a call.

It runs in a thread of its own, so that tests with and without an event loop can share it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from stack.ports import free_ports

_CHUNK = 64 * 1024


class Fault(StrEnum):
    """What happens to connections, those that there are already as well as new ones."""

    NONE = "none"
    #: Nobody listens; connections that there are are reset.
    REFUSED = "refused"
    #: The request arrives, and the connection is reset when its answer comes.
    CUT = "cut"
    #: So it is after the first line of the answer.
    TORN = "torn"
    #: Connections are taken and then nothing goes through, in either direction. What went in is lost: such
    #: a connection stays silent when the fault is healed.
    BLACK_HOLE = "black hole"


class Proxy:
    """
    Passes what comes to a loopback port of its own on to `target` (`http://127.0.0.1:8080`).

    `inject` sets a fault, or makes every answer `delay` seconds late; `heal` ends both.
    """

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        assert address.hostname
        assert address.port
        self._target = (address.hostname, address.port)
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.fault = Fault.NONE
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the thread and listen."""
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        """Drop everything and end the thread."""
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def inject(self, fault: Fault = Fault.NONE, *, delay: float = 0.0) -> None:
        """From now on this is what happens."""
        self._do(self._set(fault, delay))

    def heal(self) -> None:
        """From now on everything goes through."""
        self.inject()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _set(self, fault: Fault, delay: float) -> None:
        self.fault, self._delay = fault, delay
        if fault is Fault.REFUSED:
            await self._refuse()
        else:
            await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        other: asyncio.StreamWriter | None = None
        try:
            upstream, other = await asyncio.open_connection(*self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, other))
                both.create_task(self._back(upstream, writer))
        except* (OSError, asyncio.CancelledError):
            pass  # one of both hung up, the fault cut it, or the proxy stops
        finally:
            self._connections.discard(task)
            writer.transport.abort()
            if other is not None:
                other.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._lose()
            other.write(chunk)
            await other.drain()
        raise ConnectionResetError

    async def _back(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await upstream.read(_CHUNK):
            await self._lose()
            await asyncio.sleep(self._delay)
            if self.fault is Fault.CUT:
                raise ConnectionResetError
            if self.fault is Fault.TORN:
                first, end, _ = chunk.partition(b"\r\n")
                writer.write(first + end)
                await writer.drain()
                raise ConnectionResetError
            writer.write(chunk)
            await writer.drain()
        raise ConnectionResetError

    async def _lose(self) -> None:
        """Never return, in a black hole."""
        if self.fault is Fault.BLACK_HOLE:
            await asyncio.Event().wait()
