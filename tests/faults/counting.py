"""
Callbacks whose effects are counted inside Restate, and a provider that sends their events.

What a provider was told is compared with what took effect: acknowledged and without effect is lost, more
than one effect is doubled.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import Webhook, event

Item = TypeVar("Item")
Made = TypeVar("Made")
Query = Callable[[str], list[dict[str, Any]]]
#: What a provider may be kept waiting: Slack, the least patient one, waits 3 s.
PATIENCE = 2.5
_AT_A_TIME = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider was told: status 0 where there was no answer."""

    status: int
    seconds: float

    @property
    def is_taken(self) -> bool:
        """Whether the provider will not send it again."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Expected:
    """A callback, its counter's key in Restate, and the event that completes it."""

    key: str
    path: str
    webhook: Webhook


@dataclass(frozen=True, slots=True)
class Report:
    """How it went; `seconds` until the last effect, from when that began to be waited for."""

    acknowledged: int
    effects: int
    lost: int
    doubled: int
    slowest: float
    seconds: float


@dataclass
class Counting:
    """
    Callbacks for counters behind a Restate, half of them awakeables and half handlers.

    `ingress_url` is Restate's own address, past every fault; `query` asks its tables.
    """

    gateway: RunningGateway
    ingress_url: str
    query: Query
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client: Client = ClientBuilder().timeout(timedelta(seconds=15)).no_proxy().build()
        self._made = 0

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def expect(self, count: int) -> list[Expected]:
        """Issue so many callbacks, each with something that waits for it."""
        keys = [f"{self.name}-{number:04}" for number in range(self._made, self._made + count)]
        self._made += count
        waiters = keys[::2]
        await each(waiters, self._start_waiter)
        awakeables = await asyncio.to_thread(self._awakeables, waiters)
        targets = {key: {"awakeable": awakeable} for key, awakeable in awakeables.items()}
        for key in keys[1::2]:
            targets[key] = {"service": "Taker", "key": key, "handler": "take"}
        return await each(keys, lambda key: self._issue(key, targets[key]))

    async def deliver(self, expected: Expected, *, retry_for: float = 0.0) -> Answer:
        """
        Send the event, and again until it is acknowledged or `retry_for` seconds have passed; the last
        answer. Every answer is kept.
        """
        deadline = time.monotonic() + retry_for
        while True:
            answer = await self._send(expected)
            self.answers.setdefault(expected.key, []).append(answer)
            if answer.is_taken or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(0.2)

    async def deliver_all(self, expected: Iterable[Expected], *, retry_for: float = 0.0) -> list[Answer]:
        """Send all events, so many at a time; the last answers."""
        return await each(expected, lambda one: self.deliver(one, retry_for=retry_for))

    async def wait_for_all(self, seconds: float = 30.0) -> Report:
        """Wait until all that was acknowledged took effect, or so long, and see what did."""
        begun = time.monotonic()
        taken = {key for key, answers in self.answers.items() if any(a.is_taken for a in answers)}
        while not taken <= set(found := await asyncio.to_thread(self.effects)):
            if time.monotonic() > begun + seconds:
                break
            await asyncio.sleep(0.1)
        ended = time.monotonic()
        # Time for a second one to arrive that should not.
        await asyncio.sleep(0.2)
        found = await asyncio.to_thread(self.effects)
        return Report(
            acknowledged=len(taken),
            effects=sum(map(len, found.values())),
            lost=len(taken - set(found)),
            doubled=sum(len(events) > 1 for events in found.values()),
            slowest=max(answer.seconds for answers in self.answers.values() for answer in answers),
            seconds=ended - begun,
        )

    async def settled(self, seconds: float = 20.0) -> dict[str, int]:
        """How many events have which outcome in the ledger, once none is pending there, or after so long."""
        deadline = time.monotonic() + seconds
        sql = (
            "SELECT e.outcome, count(*) FROM events e JOIN callbacks c ON c.id = e.callback_id "
            "WHERE c.label LIKE ? GROUP BY 1"
        )
        with closing(self.gateway.database) as database:
            while True:
                found = dict(database.execute(sql, [f"{self.name}-%"]).fetchall())
                if "pending" not in found or time.monotonic() > deadline:
                    return found
                await asyncio.sleep(0.1)

    def effects(self) -> dict[str, list[str]]:
        """The ids of the events that took effect, by the counter's key."""
        return {key: json.loads(value) for key, value in self._state("taken").items()}

    def _state(self, name: str) -> dict[str, str]:
        # A Restate that was just started answers before its partitions do.
        deadline = time.monotonic() + 20
        sql = f"select service_key, value_utf8 from state where key = '{name}'"
        while True:
            try:
                rows = self.query(sql)
                break
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        return {
            row["service_key"]: row["value_utf8"] for row in rows if row["service_key"].startswith(self.name)
        }

    def _awakeables(self, keys: list[str]) -> dict[str, str]:
        deadline = time.monotonic() + 30
        while not set(keys) <= set(found := self._state("awakeable")):
            assert time.monotonic() < deadline, f"{len(found)} of {len(keys)} wait"
            time.sleep(0.05)
        return {key: json.loads(found[key]) for key in keys}

    async def _start_waiter(self, key: str) -> None:
        url = f"{self.ingress_url}/restate/send/Waiter/{key}/wait"
        response = await self._client.post(url).body_bytes(b"").build().send()
        assert response.status == 202, await response.text()

    async def _issue(self, key: str, target: dict[str, Any]) -> Expected:
        request = self._client.post(str(self.gateway.api.base_url.join("/v1/callbacks")))
        bearer = {"authorization": f"Bearer {self.gateway.tokens['orders']}"}
        body = {"source": "pay", "target": target, "label": key}
        response = await request.headers(bearer).body_json(body).build().send()
        assert response.status == 201, await response.text()
        url = (await response.json())["url"]
        return Expected(key, url.removeprefix(self.gateway.public_url), event(reference=key))

    async def _send(self, expected: Expected) -> Answer:
        request = self._client.post(f"http://{self.gateway.address}{expected.path}")
        begun = time.monotonic()
        try:
            response = await (
                request.headers(expected.webhook.headers).body_bytes(expected.webhook.body).build().send()
            )
            await response.bytes()
            status = response.status
        except PyreqwestError:
            status = 0
        return Answer(status, time.monotonic() - begun)


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[Made]]) -> list[Made]:
    """Do some work for each item, so many at a time; the results in the items' order."""
    places = asyncio.Semaphore(_AT_A_TIME)

    async def one(item: Item) -> Made:
        async with places:
            return await work(item)

    return await asyncio.gather(*map(one, items))
