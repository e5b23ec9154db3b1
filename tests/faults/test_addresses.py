"""Several addresses of one Restate: a dead one costs half a second once, and a slow whole is waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from gateway.restate import Answered, RestateClient
from stack.ports import free_ports
from tests.core.test_envelope import EFFECT
from tests.gateway.ingress import FakeIngress, Reaction


@pytest.fixture
def nodes() -> Iterator[list[FakeIngress]]:
    """Three addresses that answer."""
    made = [FakeIngress() for _ in range(3)]
    for node in made:
        node.start()
    yield made
    for node in made:
        node.stop()


@asynccontextmanager
async def client(*urls: str) -> AsyncIterator[RestateClient]:
    made = RestateClient(urls)
    yield made
    made.close()


async def call(restate: RestateClient, seconds: float = 2.2) -> Answered:
    """Bring an effect, as a delivery does."""
    return (await restate.complete(EFFECT, time.monotonic() + seconds)).answered


async def test_many_at_once_all_find_the_one_address_that_answers(nodes: list[FakeIngress]) -> None:
    for dead in nodes[:2]:
        dead.react = lambda call: Reaction(how="silent")
    async with client(*(node.url for node in nodes)) as restate:
        # More failures in a row than stop everything, and each call has moved the others' first address.
        answers = await asyncio.gather(*(call(restate) for _ in range(40)))
        assert set(answers) == {Answered.ACCEPTED}
        begun = time.monotonic()
        assert await call(restate) is Answered.ACCEPTED
        assert time.monotonic() - begun < 0.3


async def test_a_dead_address_stops_nothing_where_another_answers(nodes: list[FakeIngress]) -> None:
    (nobody,) = free_ports(1)
    async with client(f"http://127.0.0.1:{nobody}", nodes[0].url) as restate:
        for _ in range(12):
            # It fails again, as it does where the other one has just been restarted.
            restate._first = 0
            assert await call(restate) is Answered.ACCEPTED
            assert restate.breaker.allows()


async def test_once_restate_answers_again_nothing_is_held_back(nodes: list[FakeIngress]) -> None:
    node = nodes[0]
    node.react = lambda call: Reaction(how="cut")
    async with client(node.url) as restate:
        late = asyncio.create_task(call(restate))
        assert {await call(restate) for _ in range(6)} == {Answered.AWAY}
        await late
        assert not restate.breaker.allows()
        node.react = lambda call: Reaction()
        await asyncio.sleep(1.1)
        assert await call(restate) is Answered.ACCEPTED
        assert restate.breaker.allows()


@pytest.mark.parametrize("stopped", [None, 2])
async def test_where_every_address_is_slow_the_last_one_is_waited_for(
    nodes: list[FakeIngress], stopped: int | None
) -> None:
    for number, node in enumerate(nodes):
        node.react = lambda call, silent=number == stopped: Reaction(  # type: ignore[misc]  # a default
            delay=0.8, how="silent" if silent else "answer"
        )
    async with client(*(node.url for node in nodes)) as restate:
        # Where the last one is dead, another one is last the next time.
        answers = [await call(restate) for _ in range(1 if stopped is None else 2)]
        assert Answered.ACCEPTED in answers
