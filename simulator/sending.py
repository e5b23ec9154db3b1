"""
Delivering events the way a real provider does: a deadline, no redirects, and repeats until a 2xx.

The repeats follow the schedule that Standard Webhooks recommends, shortened by a factor so that a
demo does not take a day (https://www.standardwebhooks.com, "Deliverability and reliability").
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import httpx
from pydantic import BaseModel

from simulator.signatures import Signed

# The time between one attempt and the next.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: 5 s become 50 ms, 5 minutes 3 s, and the ninth repeat comes after a quarter of an hour in all.
TIME_SCALE = 0.01
# Standard Webhooks: a sender waits 15 to 30 s for an answer.
DEADLINE = timedelta(seconds=15)
GONE = 410


class Answer(BaseModel):
    """What the receiver said: status 0 where there was no answer, and then the body says why."""

    status: int
    body: str
    seconds: float


class Simulated(BaseModel):
    """The event that was sent and the receiver's first answers; none where that is left to the background."""

    event_id: str
    answers: list[Answer]


class Sender:
    """
    Sends events; the repeats go on in the background.

    `transport` is httpx's own unless a test puts a receiver there.
    """

    def __init__(
        self, time_scale: float = TIME_SCALE, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._time_scale = time_scale
        # Proxies are for the way out of the machine; the receivers are on it.
        self._client = httpx.AsyncClient(
            transport=transport, timeout=DEADLINE.total_seconds(), trust_env=False, follow_redirects=False
        )
        self._background: set[asyncio.Task[None]] = set()

    async def send(
        self, url: str, sign: Callable[[], Signed], *, times: int = 1, retry: bool = True
    ) -> list[Answer]:
        """
        Send an event `times` times at once; the first answers, in no particular order.

        `sign` makes the request anew for each attempt: a provider signs a repeat with a new time. With
        `retry` every delivery that was not answered 2xx is repeated in the background; 410 ends it.
        """
        return list(await asyncio.gather(*(self._deliver(url, sign, retry) for _ in range(times))))

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something in the background; it is given up when the simulator ends."""

        async def until_done() -> None:
            await work

        task = asyncio.create_task(until_done())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Give up what is in the background."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._client.aclose()

    async def _deliver(self, url: str, sign: Callable[[], Signed], retry: bool) -> Answer:
        answer = await self._attempt(url, sign)
        if retry and not _is_final(answer):
            self.later(self._repeat(url, sign))
        return answer

    async def _repeat(self, url: str, sign: Callable[[], Signed]) -> None:
        for pause in SCHEDULE:
            await asyncio.sleep(pause.total_seconds() * self._time_scale)
            if _is_final(await self._attempt(url, sign)):
                return

    async def _attempt(self, url: str, sign: Callable[[], Signed]) -> Answer:
        headers, body = sign()
        started = time.perf_counter()
        try:
            response = await self._client.post(url, content=body, headers=headers)
            status, text = response.status_code, response.text
        except httpx.TransportError as error:
            status, text = 0, type(error).__name__
        return Answer(status=status, body=text, seconds=round(time.perf_counter() - started, 4))


def _is_final(answer: Answer) -> bool:
    return 200 <= answer.status < 300 or answer.status == GONE
