"""
The gateway dies at each step of a webhook's way, in front of a real Restate.

A provider that saw no 2xx and sends its event again causes one effect; one that saw a 2xx and does not
causes one as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from gateway.failpoints import KILLED, NAMES, VARIABLE
from stack.proxy import Fault, Proxy
from stack.restate import Restate
from tests.faults.counting import Answer, Counting, Expected
from tests.gateway.process import RunningGateway

#: Where an event is acknowledged already when the gateway dies; before all others it never is.
ACKNOWLEDGED = ("after-answer", "before-courier", "after-courier")
#: Beside the answer: which of the two comes first is not said.
BESIDE = ("before-note",)


@dataclass(frozen=True)
class Crashing:
    """A gateway that is started with and without fail points, and a proxy between it and Restate."""

    gateway: RunningGateway
    proxy: Proxy
    counting: Counting

    async def start(self, points: str = "") -> None:
        """Start the gateway anew with fail points."""
        self.gateway.part.kill()
        self.gateway.part.environment = {VARIABLE: points} if points else {}
        await asyncio.to_thread(self.gateway.start)

    async def dies(self) -> None:
        """Return when it has ended by a fail point."""
        assert await asyncio.to_thread(self.gateway.part.join, 15) == KILLED

    async def send_again(self, callbacks: list[Expected], answers: list[Answer]) -> None:
        """What a provider does: send again what was not acknowledged, and only that."""
        refused = [one for one, answer in zip(callbacks, answers, strict=True) if not answer.is_taken]
        again = await self.counting.deliver_all(refused, retry_for=10)
        assert all(answer.is_taken for answer in again)

    async def shows_one_effect_each(self, callbacks: list[Expected]) -> None:
        """Everything took effect once, says Restate, and the ledger says the same."""
        report = await self.counting.wait_for_all()
        whole = (report.acknowledged, report.effects, report.lost, report.doubled)
        assert whole == (len(callbacks), len(callbacks), 0, 0)
        settled = await self.counting.settled()
        assert settled.pop("completed") == len(callbacks)
        assert set(settled) <= {"duplicate"}


@pytest.fixture(scope="module")
def gateway_and_proxy(
    tmp_path_factory: pytest.TempPathFactory, own_restate: Restate
) -> Iterator[tuple[RunningGateway, Proxy]]:
    proxy = Proxy(own_restate.ingress_url)
    proxy.start()
    gateway = RunningGateway(tmp_path_factory.mktemp("crashes"), [proxy.url])
    yield gateway, proxy
    gateway.stop()
    proxy.stop()


@pytest.fixture
async def crashing(
    own_restate: Restate, gateway_and_proxy: tuple[RunningGateway, Proxy]
) -> AsyncIterator[Crashing]:
    counting = Counting(gateway_and_proxy[0], own_restate.ingress_url, own_restate.query)
    yield Crashing(*gateway_and_proxy, counting)
    gateway_and_proxy[1].heal()
    await counting.close()


@pytest.mark.parametrize("point", NAMES)
async def test_kill_9_at_each_step_leaves_one_effect(crashing: Crashing, point: str) -> None:
    await crashing.start(f"{point}:kill")
    callbacks = await crashing.counting.expect(4)
    if "courier" in point:
        # Only what is owed is the courier's.
        crashing.proxy.inject(Fault.REFUSED)
    answers = await crashing.counting.deliver_all(callbacks)
    crashing.proxy.heal()
    await crashing.dies()
    taken = [answer for answer in answers if answer.is_taken]
    if point in ACKNOWLEDGED:
        assert taken
    elif point not in BESIDE:
        # A first one can be through before the second one dies; never the one that died.
        assert len(taken) < len(answers)
    await crashing.start()
    await crashing.send_again(callbacks, answers)
    await crashing.shows_one_effect_each(callbacks)


async def test_a_defect_at_any_step_acknowledges_nothing_that_is_not_there(crashing: Crashing) -> None:
    steps = ("after-body", "after-verify", "before-commit", "after-restate", "before-answer")
    await crashing.start(",".join(f"{point}:error:1" for point in steps))
    callbacks = await crashing.counting.expect(2 * len(steps))
    # One after the other: a commit that is not flushed would be a failure for all that are in it.
    answers = [answer for one in callbacks for answer in await crashing.counting.deliver_all([one])]
    assert [answer.status for answer in answers] == [500] * len(steps) + [200] * len(steps)
    await crashing.send_again(callbacks, answers)
    await crashing.shows_one_effect_each(callbacks)


async def test_a_ledger_that_commits_too_late_was_not_acknowledged_and_counts_once(
    crashing: Crashing,
) -> None:
    await crashing.start("before-commit:delay:1:1")
    callbacks = await crashing.counting.expect(1)
    (answer,) = answers = await crashing.counting.deliver_all(callbacks)
    assert answer.status == 503
    assert answer.seconds < 1
    # It is committed by now: it takes effect without its repeat, which is a duplicate.
    deadline = time.monotonic() + 3
    while True:
        if await asyncio.to_thread(crashing.counting.effects):
            break
        assert time.monotonic() < deadline, "it waits for the courier"
        await asyncio.sleep(0.1)
    await crashing.send_again(callbacks, answers)
    await crashing.shows_one_effect_each(callbacks)


async def test_a_gateway_that_stands_still_between_ledger_and_restate_brings_it_once(
    crashing: Crashing,
) -> None:
    await crashing.start("before-restate:delay:3")
    callbacks = await crashing.counting.expect(2)
    answers = await crashing.counting.deliver_all(callbacks)
    assert {answer.status for answer in answers} == {202}
    await crashing.shows_one_effect_each(callbacks)
