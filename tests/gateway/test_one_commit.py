"""
What a verified callback costs before its answer: one flushed commit, then one call to Restate.

The gateway runs in this process, so that its ledger's connections can be watched statement by statement.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import keyfile, settings
from gateway.clients import WatchedClients
from gateway.gateway import Gateway
from gateway.keyfile import WatchedKeyRing
from gateway.keyring import KeyRing
from gateway.ledger.courier import Courier
from gateway.ledger.sqlite import SqliteLedger
from gateway.restate import RestateClient
from gateway.sourcewatch import WatchedSources
from tests.gateway.ingress import Call, FakeIngress, Reaction
from tests.gateway.process import new_awakeable, new_key
from tests.gateway.publicly import public
from tests.gateway.webhooks import PAY_SECRETS, event


class WatchedLedger(SqliteLedger):
    """A ledger that notes what the connection that writes executes."""

    def __init__(self, path: Path) -> None:
        self.statements: list[str] = []
        super().__init__(path)

    def _connect(self, wait: float) -> sqlite3.Connection:
        connection = super()._connect(wait)
        if not wait:
            connection.set_trace_callback(self.statements.append)
        return connection

    @property
    def commits(self) -> int:
        """How many transactions the writer has committed or is about to."""
        return self.statements.count("COMMIT")


@dataclass
class Lab:
    """A gateway in this process whose ledger and ingress are watched."""

    gateway: Gateway
    ledger: WatchedLedger
    ingress: FakeIngress
    client: httpx.AsyncClient
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def issue(self) -> str:
        """The path of a fresh callback's URL; what issuing wrote is forgotten."""
        from gateway.internal import app as internal_app

        transport = httpx.ASGITransport(internal_app.build(self.gateway))
        async with httpx.AsyncClient(transport=transport, base_url="http://internal") as client:
            answer = await client.post(
                "/v1/callbacks",
                json={"source": "pay", "target": {"awakeable": new_awakeable()}},
                headers={"authorization": "Bearer token"},
            )
        self.ledger.statements.clear()
        url: str = answer.json()["url"]
        return url.removeprefix("http://public")

    async def complete(self, url: str) -> httpx.Response:
        """Bring a final event."""
        webhook = event()
        return await self.client.post(url, content=webhook.body, headers=webhook.headers)


@pytest.fixture
async def lab(tmp_path: Path, own_ingress: FakeIngress) -> AsyncIterator[Lab]:
    loaded = settings.Settings.model_validate(
        {
            "public_url": "http://public",
            "restate": {"ingress_urls": [own_ingress.url]},
            "keys": {"file": tmp_path / "keys.json"},
            "clients": {
                # SHA-256 of "token"
                "orders": {"token_sha256": "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"}
            },
            "sources": {
                "pay": {
                    "provider": "standard-webhooks",
                    "secrets": list(PAY_SECRETS),
                    "succeed_on": ["payment.succeeded"],
                }
            },
        }
    )
    keyfile.save(loaded.keys.file, KeyRing((new_key("k1"),), loaded.deployment))
    keys = WatchedKeyRing(loaded.keys.file, loaded.deployment, lambda ring: None, lambda error: None)
    ledger = WatchedLedger(tmp_path / "gateway.db")
    restate = RestateClient(loaded.restate.ingress_urls)
    courier = Courier(ledger, restate, lambda source: "standard-webhooks")
    sources = WatchedSources(loaded, {}, lambda source, secret: None, lambda error: None)
    clients = WatchedClients(
        tmp_path / "clients.json", loaded.clients, lambda taken: None, lambda error: None
    )
    gateway = Gateway(loaded, sources, clients, keys, ledger, restate, courier)
    async with (
        public(gateway) as address,
        httpx.AsyncClient(base_url=address, timeout=10, trust_env=False) as client,
    ):
        yield Lab(gateway, ledger, own_ingress, client)
    await courier.drain()
    restate.close()
    ledger.close()


async def test_one_flushed_commit_comes_before_the_one_call_and_both_before_the_answer(lab: Lab) -> None:
    url = await lab.issue()
    seen: dict[str, Any] = {}

    def react(call: Call) -> Reaction:
        # Another connection sees the event: it was committed before Restate was told.
        with closing(sqlite3.connect(lab.ledger.path)) as other:
            seen["event"] = other.execute("SELECT outcome FROM events").fetchall()
            seen["callback"] = other.execute("SELECT state FROM callbacks").fetchall()
        seen["commits"] = lab.ledger.commits
        return Reaction(delay=0.3)

    lab.ingress.react = react
    begun = time.monotonic()
    answer = await lab.complete(url)
    seconds = time.monotonic() - begun
    assert answer.json() == {"outcome": "completed"}
    assert seen == {"event": [("pending",)], "callback": [("completed",)], "commits": 1}
    assert len(lab.ingress.calls) == 1
    # The answer did not come before Restate's.
    assert seconds >= 0.3
    await lab.gateway.courier.drain()
    # The note that Restate took it comes afterwards, alone in a second commit.
    assert lab.ledger.commits == 2
    second = lab.ledger.statements[lab.ledger.statements.index("COMMIT") + 1 :]
    written = [text.split()[0] for text in second if text.split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert written == ["UPDATE"]


async def test_the_answer_does_not_wait_for_the_note_that_restate_took_it(lab: Lab) -> None:
    url = await lab.issue()
    with closing(sqlite3.connect(lab.ledger.path, isolation_level=None, check_same_thread=False)) as other:

        def react(call: Call) -> Reaction:
            # From here on nobody else can write.
            other.execute("BEGIN IMMEDIATE")
            return Reaction()

        lab.ingress.react = react
        begun = time.monotonic()
        assert (await lab.complete(url)).json() == {"outcome": "completed"}
        assert time.monotonic() - begun < 0.3
        other.execute("ROLLBACK")


async def test_deliveries_that_come_together_share_commits(lab: Lab) -> None:
    urls = [await lab.issue() for _ in range(50)]
    answers = await asyncio.gather(*map(lab.complete, urls))
    assert {answer.json()["outcome"] for answer in answers} == {"completed"}
    assert len(lab.ingress.calls) == 50
    # 50 events and 50 notes.
    assert lab.ledger.commits < 50


async def test_a_forged_webhook_costs_no_commit_and_no_call(lab: Lab) -> None:
    url = await lab.issue()
    webhook = event()
    answer = await lab.client.post(url, content=webhook.body + b" ", headers=webhook.headers)
    assert answer.status_code == 401
    assert (
        await lab.client.post(f"{url}x", content=webhook.body, headers=webhook.headers)
    ).status_code == 404
    assert lab.ledger.statements == []
    assert lab.ingress.calls == []


async def test_every_commit_is_flushed_before_anybody_is_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, flush, seen = await lab.issue(), os.fdatasync, []

    def slow_disk(descriptor: int) -> None:
        time.sleep(0.1)
        flush(descriptor)
        lab.ledger.statements.append("flushed")

    def react(call: Call) -> Reaction:
        seen.extend(lab.ledger.statements[-2:])
        return Reaction()

    monkeypatch.setattr(os, "fdatasync", slow_disk)
    lab.ingress.react = react
    assert (await lab.complete(url)).json() == {"outcome": "completed"}
    assert seen == ["COMMIT", "flushed"]


async def test_without_a_commit_there_is_no_call_and_no_2xx(lab: Lab) -> None:
    url = await lab.issue()
    with closing(sqlite3.connect(lab.ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        answer = await lab.complete(url)
        assert time.monotonic() - begun < 1
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert lab.ingress.calls == []
        other.execute("ROLLBACK")


async def test_a_provider_that_hangs_up_stops_nothing(lab: Lab) -> None:
    url = await lab.issue()
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def react(call: Call) -> Reaction:
        loop.call_soon_threadsafe(reached.set)
        return Reaction(delay=0.2)

    lab.ingress.react = react
    hanging_up = asyncio.create_task(lab.complete(url))
    await reached.wait()
    hanging_up.cancel()

    def outcomes(tx: Any) -> list[str]:
        return [row[0] for row in tx.all("SELECT outcome FROM events", {})]

    deadline = time.monotonic() + 5
    while (found := await lab.ledger.read(outcomes)) != ["completed"] and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert found == ["completed"]
