"""A deadline that is moved about: met once, at the time set last, and never once it is cleared."""

from __future__ import annotations

import asyncio

import pytest

from gateway.deadline import Deadline


class Met:
    """When a deadline was met, in seconds after the beginning."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.times: list[float] = []
        self.deadline = Deadline(self.loop, lambda: self.times.append(self.loop.time() - self.began))

    def set(self, seconds: float) -> None:
        """Let it be so many seconds after the beginning."""
        self.deadline.set(self.began + seconds)


async def test_it_is_met_once_at_the_last_time_that_it_was_set_to() -> None:
    met = Met()
    for seconds in (0.05, 0.3, 0.1, 0.2):
        met.set(seconds)
    await asyncio.sleep(0.4)
    assert met.times == [pytest.approx(0.2, abs=0.1)]
    assert met.times[0] >= 0.19


async def test_an_earlier_one_is_not_missed() -> None:
    met = Met()
    met.set(10)
    met.set(0.05)
    await asyncio.sleep(0.2)
    assert len(met.times) == 1


async def test_it_is_not_met_once_it_is_cleared_and_can_be_set_again() -> None:
    met = Met()
    met.set(0.05)
    met.deadline.clear()
    await asyncio.sleep(0.1)
    assert met.times == []
    met.set(0.15)
    await asyncio.sleep(0.2)
    assert len(met.times) == 1


async def test_once_it_is_closed_no_timer_is_left() -> None:
    met = Met()
    met.set(0.05)
    met.deadline.close()
    await asyncio.sleep(0.1)
    assert met.times == []
