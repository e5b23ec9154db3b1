"""Callbacks that are issued and completed without a pause, on all replicas, while their keys are changed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway, new_awakeable
from tests.gateway.webhooks import FOREIGN_SECRET, event

#: Services and providers at a time.
_WORKERS = 12
#: A callback waits up to that, so that many are open when the key changes.
_WAITS = 0.7
#: The ledger's way of saying "not now": a busy machine misses a deadline now and then.
_LATER = 503


@dataclass
class Load:
    """
    What became of everything: `completed` counts callbacks by key, `refused` lists what must not be.

    `urls` has the path of a completed callback for each key, to try it with later.
    """

    replicas: tuple[RunningGateway, ...]
    client: httpx.AsyncClient
    completed: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    awakeables: list[str] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)
    stopping: bool = False

    async def work(self) -> None:
        """Issue a callback and complete it, each time on any of the replicas."""
        while not self.stopping:
            awakeable = new_awakeable()
            issued = await self._issue(awakeable)
            await asyncio.sleep(random.uniform(0, _WAITS))
            path = issued["url"].partition("/c/")[2]
            await self._deliver(issued["key_id"], f"/c/{path}")
            self.awakeables.append(awakeable)
            self.urls[issued["key_id"]] = f"/c/{path}"

    async def status(self, replica: RunningGateway, key_id: str) -> int:
        """What a forged webhook is answered on a key's URL: 401 where its token is taken, 404 otherwise."""
        forged = event(secret=FOREIGN_SECRET)
        url = f"http://{replica.address}{self.urls[key_id]}"
        return (await self.client.post(url, content=forged.body, headers=forged.headers)).status_code

    async def _issue(self, awakeable: str) -> dict[str, str]:
        body = {"source": "pay", "target": {"awakeable": awakeable}}
        # As the client does: what was answered 503 may have been issued all the same.
        key = {"idempotency-key": awakeable}
        while True:
            replica = random.choice(self.replicas)
            answer = await self.client.post(
                f"{replica.anonymous.base_url}/v1/callbacks",
                json=body,
                headers=key | {"authorization": f"Bearer {replica.tokens['orders']}"},
            )
            if answer.status_code == 201:
                issued: dict[str, str] = answer.json()
                return issued
            if answer.status_code != _LATER:
                self.refused.append(f"issuing: {answer.status_code} {answer.text}")

    async def _deliver(self, key_id: str, path: str) -> None:
        webhook = event()
        while True:
            replica = random.choice(self.replicas)
            url = f"http://{replica.address}{path}"
            answer = await self.client.post(url, content=webhook.body, headers=webhook.headers)
            if answer.status_code in (200, 202):
                self.completed[key_id] += 1
                return
            if answer.status_code != _LATER:
                self.refused.append(f"{key_id} on {replica.address}: {answer.status_code} {answer.text}")
                return


@asynccontextmanager
async def load(replicas: tuple[RunningGateway, ...], ingress: FakeIngress) -> AsyncIterator[Load]:
    """Load on replicas until the end of the block; then nothing may have been refused, or be lost."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        running = Load(replicas, client)
        workers = [asyncio.create_task(running.work()) for _ in range(_WORKERS)]
        try:
            yield running
        finally:
            running.stopping = True
            await asyncio.gather(*workers)
    assert running.refused == []
    for awakeable in running.awakeables[-20:]:
        await asyncio.to_thread(ingress.wait_for, awakeable)
    brought = {call.path.split("/")[3] for call in ingress.calls}
    assert set(running.awakeables) <= brought
