"""One run: waits are issued and their events sent while faults come and go; then what came of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stack.ports import free_ports
from tests.chaos.history import Effects, Expected, Fault, History
from tests.chaos.provider import Provider

FINAL, PROGRESS = "payment.succeeded", "payment.processing"
_STREAM_EVENTS = 4
_THINKING_SECONDS = 2.0

Break = Callable[[], Awaitable[None]]


@dataclass
class World:
    """
    The real parts of a run. `faults` break something, wait, and mend it, by what they break and by their
    kind; `ingresses` lead to Restate without a fault between, for the waiting side's own business.
    """

    gateways: list[str]
    apis: list[str]
    client_token: str
    secret: str
    ingresses: list[str]
    registrations: str
    faults: Mapping[str, Mapping[str, Break]]


@dataclass
class Run:
    """
    `rate` waits a second for `seconds`, a fault every `fault_every`; a third are streams.

    What is still on its way when the faults are over gets `settle` seconds to arrive.
    """

    world: World
    seconds: float
    rate: float
    fault_every: float
    settle: float = 60.0
    forgeries: float = 0.1
    history: History = field(default_factory=History)
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._provider = Provider(self.world.secret, self.world.gateways, self.history, self.clock)
        self._client = httpx.AsyncClient(
            trust_env=False, timeout=10, limits=httpx.Limits(max_connections=None)
        )

    def clock(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started

    async def play(self) -> History:
        """Do it all; the history."""
        try:
            async with _registrations(self.world.registrations, self._provider.urls):
                await self._play()
        finally:
            await self._provider.close()
            await self._client.aclose()
        return self.history

    async def _play(self) -> None:
        waits: list[asyncio.Task[None]] = []
        breaking = asyncio.create_task(self._break_things())
        while self.clock() < self.seconds:
            kind = self._stream if len(waits) % 3 == 2 else self._one
            waits.append(asyncio.create_task(kind(f"wait-{self._started:.0f}-{len(waits)}")))
            await asyncio.sleep(random.expovariate(self.rate))
        await breaking
        await asyncio.gather(*waits)
        await self._settle()

    async def _break_things(self) -> None:
        """
        A fault every so often, while others go on: two at a time break different things.

        Each kind has its turn, or a run of a few minutes would miss some.
        """
        kinds = [(broken, kind) for broken, found in self.world.faults.items() for kind in found]
        turns: list[tuple[str, str]] = []
        at_work: dict[str, asyncio.Future[None]] = {}
        while kinds and self.clock() + self.fault_every < self.seconds:
            await asyncio.sleep(self.fault_every)
            whole = {
                broken for broken in self.world.faults if broken not in at_work or at_work[broken].done()
            }
            if not any(broken in whole for broken, _ in turns):
                turns += random.sample(kinds, len(kinds))
            turn = next((turn for turn in turns if turn[0] in whole), None)
            if turn is None:
                continue
            turns.remove(turn)
            broken, kind = turn
            self.history.add(Fault(kind, self.clock()))
            at_work[broken] = asyncio.ensure_future(self.world.faults[broken][kind]())
        await asyncio.gather(*at_work.values())

    @property
    def _until(self) -> float:
        return self.seconds + self.settle

    async def _one(self, name: str) -> None:
        """A handler that waits for one event; it comes in one to four copies at once."""
        path = "/restate/send/ChaosWaiter/wait"
        await self._insist(self.world.ingresses, path, name, {"idempotency-key": name})
        # A handler that could not issue tries again seconds later, as Restate's policy says.
        while name not in self._provider.urls:
            assert self.clock() < self._until + 30, f"{name} was not registered"
            await asyncio.sleep(0.05)
        # A provider takes its time, in which a gateway may come and go: the URL has to hold.
        await asyncio.sleep(random.uniform(0, _THINKING_SECONDS))
        self.history.add(Expected(name, "one", (f"{name}-final",), self.clock()))
        if random.random() < self.forgeries:
            await self._provider.forge(name, f"{name}-forged", FINAL)
        await self._provider.deliver(name, f"{name}-final", FINAL, random.randint(1, 4), self._until)

    async def _stream(self, name: str) -> None:
        """A handler that takes every event; old ones come again between new ones."""
        target = {"service": "ChaosBook", "key": name, "handler": "take"}
        headers = {"authorization": f"Bearer {self.world.client_token}", "idempotency-key": name}
        body = {"source": "acmepay", "target": target, "expires_in": "1h"}
        issued = await self._insist(self.world.apis, "/v1/callbacks", body, headers)
        self._provider.urls[name] = "/c/" + issued.json()["url"].partition("/c/")[2]
        events = tuple(f"{name}-{number}" for number in range(_STREAM_EVENTS))
        self.history.add(Expected(name, "stream", events, self.clock()))
        for number, event in enumerate(events):
            event_type = FINAL if event == events[-1] else PROGRESS
            await self._provider.deliver(name, event, event_type, random.randint(1, 3), self._until)
            if number and random.random() < 0.3:
                await self._provider.deliver(name, events[number - 1], PROGRESS, 1, self._until)

    async def _insist(
        self, addresses: list[str], path: str, body: object, headers: dict[str, str]
    ) -> httpx.Response:
        """Ask until it is done: neither issuing nor starting handlers is what is judged."""
        until = max(self._until, self.clock()) + 30
        while True:
            with suppress(httpx.HTTPError):
                answer = await self._client.post(random.choice(addresses) + path, json=body, headers=headers)
                if answer.is_success:
                    return answer
                assert answer.status_code >= 429, answer.text
            assert self.clock() < until, f"{path} was not answered"
            await asyncio.sleep(0.2)

    async def _settle(self) -> None:
        """Wait until everything has taken effect, or for long enough; then write down what has."""
        missing = {
            record.wait: record.events for record in self.history.records if isinstance(record, Expected)
        }
        found: dict[str, tuple[str, ...]] = {}
        deadline = time.monotonic() + self.settle
        while missing and time.monotonic() < deadline:
            for wait in list(missing):
                answer = await self._insist(
                    self.world.ingresses, f"/restate/call/ChaosBook/{wait}/entries", None, {}
                )
                found[wait] = tuple(answer.json())
                if set(missing[wait]) <= set(found[wait]):
                    del missing[wait]
        # A second effect may come after the first: look once more when all is quiet.
        await asyncio.sleep(1)
        for wait in found:
            path = f"/restate/call/ChaosBook/{wait}/entries"
            answer = await self._insist(self.world.ingresses, path, None, {})
            self.history.add(Effects(wait, tuple(answer.json())))


@asynccontextmanager
async def _registrations(address: str, urls: dict[str, str]) -> AsyncIterator[None]:
    """Take the provider's registrations while the run goes on."""

    async def register(request: Request) -> Response:
        body = await request.json()
        urls[body["name"]] = "/c/" + body["url"].partition("/c/")[2]
        return Response(status_code=204)

    host, _, port = address.partition(":")
    app = Starlette(routes=[Route("/register", register, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=int(port), log_level="error", lifespan="off"))
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def registration_address() -> str:
    """A free address for the provider's registrations."""
    return f"127.0.0.1:{free_ports(1)[0]}"
