"""
Places on the way of a webhook where the gateway can be made to fail on purpose, for the tests of crashes.

`GATEWAY_FAILPOINTS="after-verify:kill"` names a point, an action and, where only one time counts, which:
`kill` ends the process as SIGKILL would, `delay:SECONDS` waits, `error` raises. `after-commit:kill:3` kills
the third time that the point is reached. Several stand with commas between them. Without the variable a
point costs one look at an empty dict.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import ConfigurationError
from gateway.log import logger

VARIABLE: Final = "GATEWAY_FAILPOINTS"
#: After the steps of the path that they stand beside, in their order.
NAMES: Final = (
    "after-token",
    "after-body",
    "after-verify",
    # All rows are written, nothing is committed.
    "before-commit",
    # Committed and flushed, nobody knows of it yet.
    "after-commit",
    "before-restate",
    "after-restate",
    # Restate took it, the ledger does not know that yet.
    "before-note",
    "before-answer",
    # The last byte of the answer is on its way.
    "after-answer",
    "before-courier",
    "after-courier",
)
#: What SIGKILL makes a shell say.
KILLED: Final = 137
_POINT = re.compile(
    r"(?P<name>[a-z-]+):(?P<action>kill|error|delay:(?P<seconds>\d+(?:\.\d+)?))(?::(?P<nth>[1-9]\d*))?"
)


class InjectedError(Exception):
    """What a point raises that is told to."""


@dataclass(frozen=True)
class _Point:
    """What a point does: wait some seconds, then kill, raise or go on. `nth` is None for every time."""

    name: str
    action: str
    seconds: float
    nth: int | None
    #: Atomic: points are reached in several threads.
    _times: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def is_due(self) -> bool:
        """Count that it was reached, and whether it acts now."""
        due = self.nth is None or next(self._times) == self.nth
        if due:
            logger.warning("fail point", point=self.name, action=self.action)
        return due

    def fail(self) -> None:
        """End the process or raise, where that is what the point is for."""
        if self.action == "kill":
            os._exit(KILLED)
        if self.action == "error":
            raise InjectedError(self.name)


_armed: dict[str, _Point] = {}


def arm(environ: Mapping[str, str]) -> None:
    """
    Set the points that the environment names, and none but these.

    Raises `ConfigurationError` for one that does not exist or can't be read.
    """
    _armed.clear()
    for text in filter(None, (part.strip() for part in environ.get(VARIABLE, "").split(","))):
        found = _POINT.fullmatch(text)
        if found is None:
            raise ConfigurationError(
                f"{VARIABLE}: {text!r} can't be read; NAME:kill, NAME:delay:SECONDS or NAME:error is needed, "
                "each with :N behind it for the Nth time only"
            )
        if found["name"] not in NAMES:
            raise ConfigurationError(
                f"{VARIABLE}: there is no fail point {found['name']!r}; there are {', '.join(NAMES)}"
            )
        nth = int(found["nth"]) if found["nth"] else None
        seconds = float(found["seconds"] or 0)
        _armed[found["name"]] = _Point(found["name"], found["action"], seconds, nth)
    if _armed:
        logger.warning("FAIL POINTS ARE SET: this gateway fails on purpose", points=environ[VARIABLE])


def armed() -> bool:
    """Whether any point is set."""
    return bool(_armed)


async def reach(name: str) -> None:
    """Say in the event loop that a point is reached."""
    if _armed and (point := _armed.get(name)) and point.is_due():
        await asyncio.sleep(point.seconds)
        point.fail()


def reach_in_thread(name: str) -> None:
    """Say in a thread that a point is reached."""
    if _armed and (point := _armed.get(name)) and point.is_due():
        time.sleep(point.seconds)
        point.fail()
