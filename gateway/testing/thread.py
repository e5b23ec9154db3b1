"""
The gateway of a test, in a thread of the test's process with an event loop of its own.

In the process rather than in one of its own: it is up in a tenth of a second, so that every test can have a
gateway and a ledger for itself; a source can be added while it runs; the keys that some providers publish
can be handed to it, where a child would ask the internet for them; and no child is left behind. In a thread
rather than in the test's loop: it serves tests with any event loop or none, and waiting for it blocks nothing
that it needs.

What it logs goes to Python's logger `gateway`, so to pytest's "Captured log", unless the project under test
has set up structlog for itself.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from gateway import app, log
from gateway.gateway import Gateway
from gateway.settings import Settings
from gateway.testing.fake_restate import FakeRestate
from gateway.testing.published import PublishedKeys

Result = TypeVar("Result")

#: A start and a stop take a fraction of a second, on a machine that has nothing else to do.
_PATIENCE_SECONDS = 30.0


class GatewayThread:
    """Runs a gateway, and Restate's stand-in where there is one, from `start` to `stop`."""

    def __init__(self, public: socket.socket, internal: socket.socket, fake: FakeRestate | None) -> None:
        self.published = PublishedKeys()
        self._sockets = (public, internal)
        self._fake = fake
        self._started: concurrent.futures.Future[Gateway] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway that runs."""
        return self._started.result(0)

    def start(self, settings: Settings) -> None:
        """Start, and return when it serves; raises what kept it from that."""
        log.embed()
        self._thread = threading.Thread(
            target=self._run, args=(settings,), name="webhook-gateway", daemon=True
        )
        self._thread.start()
        self._started.result(_PATIENCE_SECONDS)

    def stop(self) -> None:
        """End it, as SIGTERM would."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(_PATIENCE_SECONDS)
            if self._thread.is_alive():
                raise RuntimeError(f"the gateway did not end within {_PATIENCE_SECONDS:g} seconds")
        for one in self._sockets:
            one.close()

    def wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What comes of some work that is done in the gateway's loop, waiting for it."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_SECONDS)

    async def result(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The same for code that is in another loop, which goes on meanwhile."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _run(self, settings: Settings) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve(settings))
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self, settings: Settings) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._fake is not None:
            await self._fake.open()
        try:
            async with app.running(settings, {}) as gateway:
                gateway.fetcher = self.published
                listeners = app.Listeners(gateway, *self._sockets)
                self._started.set_result(gateway)
                await listeners.serve(self._stop)
        finally:
            if self._fake is not None:
                await self._fake.close()
