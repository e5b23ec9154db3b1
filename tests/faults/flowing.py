"""Deliveries that flow through a gateway to three Restate nodes while something happens to one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.cluster import Cluster, Node
from tests.faults.conftest import counters
from tests.faults.counting import Counting, Report
from tests.gateway.process import RunningGateway

#: A provider goes on for so long where a 503 tells it to.
_RETRY_FOR = 20.0


@dataclass(frozen=True)
class ThreeNodes:
    """A cluster with the counting handlers, and a gateway that has its leader's address first."""

    cluster: Cluster
    leader: Node
    gateway: RunningGateway

    def counting(self) -> Counting:
        """Fresh counters; what waits is started by way of a node that stays."""
        other = next(node for node in self.cluster.nodes if node is not self.leader)
        return Counting(self.gateway, other.ingress_url, self.cluster.query)


@contextmanager
def three_nodes(directory: Path) -> Iterator[ThreeNodes]:
    """Three nodes and a gateway, running inside the `with` block."""
    cluster = Cluster(directory)
    try:
        cluster.start()
        with counters(directory) as address:
            cluster.register(address)
            leader = cluster.leader()
            others = [url for url in cluster.ingress_urls if url != leader.ingress_url]
            gateway = RunningGateway(directory / "gateway", [leader.ingress_url, *others])
            try:
                gateway.start()
                yield ThreeNodes(cluster, leader, gateway)
            finally:
                gateway.stop()
    finally:
        cluster.stop()


async def flow(
    counting: Counting, count: int, seconds: float, at: float, happens: Callable[[], None]
) -> Report:
    """
    Deliver so many events, evenly over some seconds; `at` seconds from the start something happens, in a
    thread, and it may take its time. How it went, once all has come to its end.
    """
    callbacks = await counting.expect(count)
    begun = time.monotonic()

    async def after(delay: float) -> None:
        await asyncio.sleep(begun + delay - time.monotonic())

    async def deliver(number: int) -> None:
        await after(number * seconds / count)
        await counting.deliver(callbacks[number], retry_for=_RETRY_FOR)

    async def happen() -> None:
        await after(at)
        await asyncio.to_thread(happens)

    await asyncio.gather(happen(), *map(deliver, range(count)))
    return await counting.wait_for_all(60)


async def flow_past_a_stopped_node(nodes: ThreeNodes, seconds: float = 30.0, per_second: int = 20) -> Report:
    """
    Deliver while the node that leads stands still for some seconds, and for five before and after:
    it answers nothing and refuses nothing, which takes everybody longer to see than a death.
    """
    counting = nodes.counting()

    def stand_still() -> None:
        with nodes.leader.stopped():
            time.sleep(seconds)

    try:
        whole = seconds + 10
        return await flow(counting, int(whole * per_second), whole, 5, stand_still)
    finally:
        await counting.close()
