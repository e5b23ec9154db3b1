"""
A stand-in for Restate's ingress, for what the real one does not do on demand: it records every call and
answers as it is told, late, never, or not at all.

It runs in a thread of its own, so that tests with and without an event loop can share it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal

from stack.ports import free_ports


@dataclass(frozen=True, slots=True)
class Call:
    """One request that came in; `at` is on `time.monotonic()`."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Reaction:
    """
    What is done with a call: an answer with a status after `delay` seconds, or a connection that is
    closed before the answer (`cut`) or after its head (`torn`), or nothing for ever (`silent`).
    """

    status: int = 202
    delay: float = 0.0
    how: Literal["answer", "cut", "torn", "silent"] = "answer"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


ACCEPT = Reaction()


class FakeIngress:
    """
    A server on a loopback port. `react` is asked for each call; `close` and `open` make it refuse
    connections and take them again, on the same port.
    """

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.calls: list[Call] = []
        self.react: Callable[[Call], Reaction] = lambda call: ACCEPT
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-ingress", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the thread and take connections."""
        self._thread.start()
        self.open()

    def open(self) -> None:
        """Take connections."""
        self._do(self._open())

    def close(self) -> None:
        """Refuse connections, and drop those that there are."""
        self._do(self._close())

    def stop(self) -> None:
        """End the thread."""
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def calls_for(self, text: str) -> list[Call]:
        """The calls whose path or body holds a text, an awakeable's id or a callback's say."""
        return [call for call in self.calls if text in call.path or text.encode() in call.body]

    def wait_for(self, text: str, count: int = 1, seconds: float = 10.0) -> list[Call]:
        """The calls that hold a text, once there are so many; an AssertionError after so long."""
        deadline = time.monotonic() + seconds
        while len(calls := self.calls_for(text)) < count:
            assert time.monotonic() < deadline, f"{len(calls)} of {count} calls came within {seconds} s"
            time.sleep(0.01)
        return calls

    def _do(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
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
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side hung up, or the test is over
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and react; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if path.startswith("/restate/status/"):
            # As an older server does: it has no such route. Nobody's effect, so it is no call to count.
            writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
            return True
        call = Call(method, path, headers, body, time.monotonic())
        self.calls.append(call)
        reaction = self.react(call)
        await asyncio.sleep(reaction.delay)
        if reaction.how == "silent":
            await asyncio.Event().wait()
        if reaction.how == "cut":
            return False
        # The real one gives a date as well.
        said = {"date": formatdate(usegmt=True)} | dict(reaction.headers)
        extra = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        length = len(reaction.body) + (10 if reaction.how == "torn" else 0)
        writer.write(f"HTTP/1.1 {reaction.status} X\r\n{extra}content-length: {length}\r\n\r\n".encode())
        writer.write(reaction.body)
        await writer.drain()
        return reaction.how == "answer"


@dataclass
class InTurn:
    """Reactions one after the other, the last of them for ever."""

    reactions: list[Reaction] = field(default_factory=list)

    def __call__(self, call: Call) -> Reaction:
        return self.reactions.pop(0) if len(self.reactions) > 1 else self.reactions[0]
