"""
Restate is killed, refuses, is cut off, silent or slow, for real and behind a proxy: the provider is answered
in time, nothing is lost and nothing doubled, and what waits follows when it is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stack.ports import free_ports
from stack.proxy import Fault, Proxy
from stack.restate import Restate
from tests.faults.counting import PATIENCE, Counting, Report
from tests.gateway.process import RunningGateway

#: From Restate's return all that waits has been brought after so many seconds.
BACK_WITHIN = 10.0


@pytest.fixture(scope="module")
def proxy(own_restate: Restate) -> Iterator[Proxy]:
    """A proxy in front of Restate's ingress."""
    between = Proxy(own_restate.ingress_url)
    between.start()
    yield between
    between.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, proxy: Proxy) -> Iterator[RunningGateway]:
    """A gateway that knows Restate behind the proxy."""
    running = RunningGateway(tmp_path_factory.mktemp("gateway"), [proxy.url])
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
async def counting(own_restate: Restate, gateway: RunningGateway, proxy: Proxy) -> AsyncIterator[Counting]:
    """Counters behind a Restate that is well when the test begins."""
    proxy.heal()
    made = Counting(gateway, own_restate.ingress_url, own_restate.query)
    yield made
    await made.close()


def show(what: str, report: Report) -> None:
    """Say how it went; pytest shows it with -rP."""
    print(f"{what}: {report}")


@pytest.mark.parametrize(
    ("fault", "delay"),
    [
        (Fault.REFUSED, 0.0),
        (Fault.CUT, 0.0),
        (Fault.TORN, 0.0),
        (Fault.BLACK_HOLE, 0.0),
        (Fault.NONE, 1.0),
        (Fault.NONE, 2.0),
        (Fault.NONE, 5.0),
    ],
)
async def test_a_fault_between_the_gateway_and_restate_loses_and_doubles_nothing(
    counting: Counting, proxy: Proxy, fault: Fault, delay: float
) -> None:
    callbacks = await counting.expect(60)
    proxy.inject(fault, delay=delay)
    answers = await counting.deliver_all(callbacks, retry_for=5)
    assert {answer.status for answer in answers} <= {200, 202}
    # It goes on for a while, so that the courier meets it too.
    await asyncio.sleep(0.5)
    proxy.heal()
    report = await counting.wait_for_all()
    show(f"{fault}, {delay:.0f} s late", report)
    assert (report.acknowledged, report.effects, report.lost, report.doubled) == (60, 60, 0, 0)
    assert report.slowest < PATIENCE
    assert report.seconds < BACK_WITHIN
    outcomes = await counting.settled()
    assert outcomes.pop("completed") == 60
    assert set(outcomes) <= {"duplicate"}


@pytest.mark.parametrize(("addresses", "delay"), [(1, 5.0), (3, 1.0)])
async def test_a_restate_that_stays_slow_is_waited_for(
    own_restate: Restate, proxy: Proxy, tmp_path: Path, addresses: int, delay: float
) -> None:  # it is never well again, and each of its addresses takes longer than a dead one may
    gateway = RunningGateway(tmp_path, [proxy.url] * addresses)
    gateway.start()
    counting = Counting(gateway, own_restate.ingress_url, own_restate.query)
    try:
        proxy.heal()
        callbacks = await counting.expect(1)
        proxy.inject(delay=delay)
        assert {answer.status for answer in await counting.deliver_all(callbacks)} <= {200, 202}
        assert await counting.settled(30) == {"completed": 1}
        report = await counting.wait_for_all()
    finally:
        proxy.heal()
        gateway.stop()
        await counting.close()
    assert (report.effects, report.lost, report.doubled) == (1, 0, 0)
    assert report.slowest < PATIENCE


@pytest.mark.parametrize("addresses", ["one", "several, the first one dead"])
async def test_a_backlog_of_1000_follows_within_ten_seconds_of_a_killed_restates_return(
    own_restate: Restate, tmp_path: Path, addresses: str
) -> None:
    nobody, nobody_either = free_ports(2)
    ingress_urls = [own_restate.ingress_url]
    if addresses != "one":
        ingress_urls = [f"http://127.0.0.1:{nobody}", own_restate.ingress_url]
        ingress_urls.append(f"http://127.0.0.1:{nobody_either}")
    gateway = RunningGateway(tmp_path, ingress_urls)
    gateway.start()
    counting = Counting(gateway, own_restate.ingress_url, own_restate.query)
    try:
        callbacks = await counting.expect(1000)
        # It dies while the first of them are on their way.
        first = asyncio.create_task(counting.deliver_all(callbacks[:100], retry_for=5))
        await asyncio.sleep(0.05)
        own_restate.part.kill()
        answers = await first + await counting.deliver_all(callbacks[100:], retry_for=5)
        assert {answer.status for answer in answers} <= {200, 202}
        pending = sum(answer.status == 202 for answer in answers)
        assert pending >= 900
        own_restate.start()
        own_restate.part.wait_ready()
        begun = time.monotonic()
        report = await counting.wait_for_all()
        outcomes = await counting.settled()
        settled = time.monotonic() - begun
    finally:
        gateway.stop()
        await counting.close()
    show(f"killed, {addresses}: {pending} pending, all noted after {settled:.1f} s", report)
    assert (report.acknowledged, report.effects, report.lost, report.doubled) == (1000, 1000, 0, 0)
    # Of one that was answered 503 and repeated, the first may have been committed after all.
    assert outcomes.pop("completed") == 1000
    assert set(outcomes) <= {"duplicate"}
    assert report.slowest < PATIENCE
    assert report.seconds < BACK_WITHIN
