"""When secrets were of use, on record in both stores."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.advice import Use
from gateway.ledger import Ledger
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.uses import Kind, Used, Uses, known, record
from tests.ledger.samples import rows

SECRET = Used(Kind.SOURCE, "stripe", "0a1b2c3d")
TOKEN = Used(Kind.CLIENT, "orders", "0a1b2c3d")


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_secret_is_known_from_when_it_came_and_used_from_its_first_use_on(ledger: Ledger) -> None:
    clock = Clock()
    uses = Uses(clock)
    uses.there([SECRET, TOKEN])
    await uses.write(ledger)
    assert await uses.known(ledger, Kind.SOURCE) == {SECRET: Use(1000)}
    for clock.now in (1010.0, 1020.0, 1030.0):
        uses.note(SECRET)
    # What is not written yet is known as well, and not written by looking.
    assert await uses.known(ledger, Kind.SOURCE) == {SECRET: Use(1000, 1010, 1030)}
    assert await ledger.read(known(Kind.SOURCE)) == {SECRET: Use(1000)}
    await uses.write(ledger)
    assert await ledger.read(known(Kind.SOURCE)) == {SECRET: Use(1000, 1010, 1030)}
    assert await ledger.read(known(Kind.CLIENT)) == {TOKEN: Use(1000)}
    assert uses.written_at == 1030


moments = st.floats(1, 10_000).map(round)
a_use = st.builds(
    lambda times, used: Use(min(times), *((sorted(times)[1], max(times)) if used else (None, None))),
    st.lists(moments, min_size=3, max_size=3),
    st.booleans(),
)


@given(st.lists(a_use, min_size=1, max_size=4))
def test_uses_of_several_replicas_are_one_whatever_their_order(reports: list[Use]) -> None:
    whole = reports[0]
    for one in reports[1:]:
        whole = whole.with_(one)
    for order in itertools.permutations(reports):
        found = order[0]
        for one in order[1:]:
            found = found.with_(one)
        assert found == whole


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_the_ledger_merges_them_as_well(ledger: Ledger, order: tuple[int, ...]) -> None:
    reports = [Use(30, 40, 90), Use(20), Use(25, 35, 60)]
    for place in order:
        await ledger.write(record({SECRET: reports[place]}))
    assert await ledger.read(known(Kind.SOURCE)) == {SECRET: Use(20, 35, 90)}


async def test_what_is_new_is_written_soon_and_a_repeat_is_not(ledger: Ledger) -> None:
    uses = Uses(Clock())
    running = asyncio.create_task(uses.run(ledger))
    try:
        uses.there([SECRET])
        uses.note(SECRET)
        deadline = time.monotonic() + 20
        while not await rows(ledger, "SELECT 1 FROM uses WHERE last_used IS NOT NULL"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        written = uses.written_at
        assert written is not None
        for _ in range(1000):
            uses.note(SECRET)
        assert uses.written_at == written
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_nothing_is_lost_while_the_ledger_is_away(ledger: Ledger, tmp_path: Path) -> None:
    away = SqliteLedger(tmp_path / "away.db")
    (tmp_path / "away.db").unlink()
    clock = Clock()
    uses = Uses(clock)
    for clock.now in (1000.0, 2000.0):
        uses.note(SECRET)
        await uses.write(away)
        assert uses.written_at is None
    await uses.write(ledger)
    away.close()
    assert await ledger.read(known(Kind.SOURCE)) == {SECRET: Use(1000, 1000, 2000)}
