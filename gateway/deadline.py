"""A deadline that is set and taken away again for each request, and hardly ever met."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """
    Calls `late` once a time has passed. Times are the loop's, in seconds.

    To start a timer and cancel it costs more than a request has to; so one that is too early looks again, and
    whoever moves the deadline to later, as each request does, only says so.
    """

    __slots__ = ("_late", "_loop", "_timer", "_timer_at", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop, late: Callable[[], None]) -> None:
        self._loop = loop
        self._late = late
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        #: When it is; None for never.
        self.at: float | None = None

    def set(self, at: float) -> None:
        """It is then, whenever it was before."""
        self.at = at
        if self._timer is None or self._timer_at > at:
            self._look_at(at)

    def clear(self) -> None:
        """There is none for now."""
        self.at = None

    def close(self) -> None:
        """There will be none any more, and whoever is called is held no longer."""
        self.at = None
        self._late = _nobody
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self.at is None:
            return
        # uvloop's timers are as fine as a millisecond, and may be early by a part of it.
        if self._loop.time() >= self.at - 0.001:
            self.at = None
            self._late()
        else:
            self._look_at(self.at)


def _nobody() -> None:
    """Whoever is called once nobody waits."""
