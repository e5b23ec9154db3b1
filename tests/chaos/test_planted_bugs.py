"""A gateway without a bug passes a run with every fault; each planted bug is found in a short one."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.chaos.buggy import BUGS
from tests.chaos.checker import Report, check
from tests.chaos.play import Run
from tests.chaos.single import Single

#: The fault that brings a bug to light, and one of the wrongs that it is seen as.
SEEN: dict[str, tuple[str, str]] = {
    "acknowledge-before-the-commit": ("gateway killed while restate is away", "lost"),
    "drop-what-restate-did-not-take": ("restate refused", "lost"),
    "no-deadline": ("black hole", "slow"),
    "no-courier": ("restate refused", "lost"),
    "no-dedupe": ("restate refused", "broken"),
    "a-fresh-idempotency-key-each-time": ("answers cut", "doubled"),
    "note-before-restate": ("gateway killed", "lost"),
    "answer-500-when-the-ledger-is-away": ("ledger locked", "broken"),
    "no-order-in-streams": ("restate refused", "disordered"),
    "no-verification": ("restate refused", "forged"),
    "other-keys-after-a-restart": ("gateway killed", "refused"),
}


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    parts = Single(tmp_path_factory.mktemp("chaos"))
    try:
        parts.start()
        yield parts
    finally:
        parts.stop()


async def played(single: Single, program: tuple[str, ...], seconds: float, *faults: str) -> Report:
    random.seed(7)
    with single.gateway(*program) as gateway:
        world = single.world(gateway, *faults)
        run = Run(world, seconds, rate=10, fault_every=1.0, settle=5 if faults else 40, forgeries=0.3)
        report = check(await run.play())
    print(report)
    return report


async def test_without_a_bug_nothing_is_lost_and_nothing_doubled(single: Single) -> None:
    report = await played(single, ("gateway",), 15)
    assert report.wrong == {}
    assert report.acknowledged > 80
    assert sum(report.faults.values()) >= 3


def test_every_bug_is_looked_for() -> None:
    assert SEEN.keys() == BUGS.keys()
    assert len(BUGS) >= 10


@pytest.mark.parametrize("bug", BUGS)
async def test_a_planted_bug_is_found(single: Single, bug: str) -> None:
    fault, wrong = SEEN[bug]
    # What a fault meets is chance: three short runs find what one may miss.
    reports = []
    for _ in range(3):
        reports.append(await played(single, ("tests.chaos.buggy", bug), 6, fault))
        if wrong in reports[-1].wrong:
            return
    raise AssertionError("\n\n".join(map(str, reports)))
