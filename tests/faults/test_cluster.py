"""Three Restate nodes, the one that leads killed: nothing is lost, nothing doubled, nobody kept waiting."""

from __future__ import annotations

from pathlib import Path

from tests.faults.counting import PATIENCE
from tests.faults.flowing import flow, three_nodes


async def test_the_node_that_leads_is_killed_while_deliveries_flow(tmp_path: Path) -> None:
    with three_nodes(tmp_path) as nodes:
        assert nodes.leader.leads() > 0
        counting = nodes.counting()
        try:
            report = await flow(counting, 200, seconds=5, at=1, happens=nodes.leader.part.kill)
            settled = await counting.settled()
        finally:
            await counting.close()
    print(f"the leader killed: {report}")
    assert (report.acknowledged, report.effects, report.lost, report.doubled) == (200, 200, 0, 0)
    assert report.slowest < PATIENCE
    assert settled.pop("completed") == 200
    assert set(settled) <= {"duplicate"}
