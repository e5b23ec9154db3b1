"""
Rotations under load on replicas that share a ledger: no authentic URL is refused, no retired key accepted.

A short form runs with the other tests. `make rotations` runs the long one: ROTATIONS (50), REPLICAS (3), and
SKEW, the seconds up to which a replica lags behind with its key file (2).
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from functools import partial

from gateway import keyfile
from gateway.keyring import KeyRing
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.keys.command import Keys
from tests.keys.load import Load, load
from tests.replicas.conftest import Replicas, Start

ROTATIONS = int(os.environ.get("ROTATIONS", "5"))
REPLICAS = int(os.environ.get("REPLICAS", "2"))
SKEW = float(os.environ.get("SKEW", "0.3"))
#: A replica looks at its key file twice a second; a retired key is out of force a second after that.
RETIRED_SECONDS = 0.5 + 1


class Distribution:
    """
    Brings the first replica's key file to the others, to each after a while of its own.

    `retired` is when a replica's file came to say that a key is retired, on `time.monotonic()`.
    """

    def __init__(self, replicas: Replicas) -> None:
        self._first, *self._others = replicas
        self._tasks = [asyncio.create_task(self._bring(other)) for other in self._others]
        self.retired: dict[tuple[str, str], float] = {}

    def _note(self, replica: RunningGateway, ring: KeyRing) -> None:
        for key in ring.keys:
            if not key.status.verifies:
                self.retired.setdefault((replica.address, key.id), time.monotonic())

    def has_retired(self, replica: RunningGateway, key_id: str) -> bool:
        """Whether a replica's file says that a key is retired."""
        return (replica.address, key_id) in self.retired

    async def _bring(self, other: RunningGateway) -> None:
        while True:
            ring = keyfile.load(self._first.key_file, "default")
            self._note(self._first, ring)
            if ring != keyfile.load(other.key_file, "default"):
                await asyncio.sleep(random.uniform(0, SKEW))
                # As it was then: what came meanwhile comes with the next.
                keyfile.save(other.key_file, ring)
                self._note(other, ring)
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        """Bring nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def rotate(keys: Keys, running: Load, replicas: Replicas, came: Distribution) -> str:
    """One rotation, as ops do it; the key that is retired then."""
    old = keys.ring.primary.id
    await until(lambda: old in running.urls)
    await asyncio.to_thread(keys.json, "rotate", "--wait", "90s")
    # Refused as long as a callback is open under it.
    refused = "not yet tried"
    while refused:
        _, refused = await asyncio.to_thread(keys.run, "retire", old, code=None)
        assert not refused or "open callbacks need it" in refused or "signs with it" in refused, refused
    for replica in replicas:
        await until(partial(came.has_retired, replica, old))
        while await running.status(replica, old) != 404:
            late = time.monotonic() - came.retired[replica.address, old]
            assert late < RETIRED_SECONDS, f"{old} is accepted {late:.1f} s after the file came"
            await asyncio.sleep(0.05)
    return old


async def until(condition: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        await asyncio.sleep(0.05)


async def test_no_url_is_refused_and_no_retired_key_accepted_through_rotations_under_load(
    start: Start, database: str, ingress: FakeIngress
) -> None:
    replicas = start(database, REPLICAS)
    keys = Keys(replicas[0].directory / "gateway.toml", replicas[0].part.environment)
    came = Distribution(replicas)
    retired = []
    try:
        async with load(replicas, ingress) as running:
            for _ in range(ROTATIONS):
                retired.append(await rotate(keys, running, replicas, came))
                # None of them ever comes back, on any replica.
                statuses = [await running.status(one, key) for one in replicas for key in retired]
                assert set(statuses) == {404}
    finally:
        await came.end()
    assert len(set(retired)) == ROTATIONS
    assert set(retired) <= set(running.completed)
    history = [(one["key"], one["action"]) for one in keys.json("list", "--history")]
    assert [key for key, action in history if action == "retire"] == retired
    assert len([key for key, action in history if action == "promote"]) == ROTATIONS
    print(f"{ROTATIONS} rotations, {sum(running.completed.values())} callbacks completed, none refused")
