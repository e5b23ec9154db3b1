"""
The watcher: asks Restate afterwards whether values took effect, and which open callbacks nobody waits for.

Off the path of a webhook, for some hundred callbacks at a time, one query after the other. An orphan is
closed when two answers in a row, two minutes apart, say that its invocation is over; that it is not there
counts only in an answer that shows another one of ours alive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.admin import Invocation, RestateAdmin
from gateway.errors import TryLater
from gateway.invocations import invocation_id
from gateway.ledger import Ledger, waiting
from gateway.ledger.waiting import Finding, Sight, Watched
from gateway.log import logger
from gateway.outcome import State

_BATCH = 300
#: Between two looks at the ledger when nothing is due.
_LOOK_EVERY = 1.0
#: While the admin API is away it is asked again after so long at most.
_LONGEST_PAUSE = 60.0


@dataclass
class Watcher:
    """Looks after callbacks whose target is an awakeable; `no_effect` is told the source of a lost value."""

    ledger: Ledger
    admin: RestateAdmin
    no_effect: Callable[[str], None]
    clock: Callable[[], float] = time.time
    _away: int = 0

    async def run(self) -> None:
        """Look at what is due until cancelled."""
        while True:
            full = False
            try:
                full = await self.round()
            except TryLater as error:
                logger.warning("ledger is away", error=error.detail)
            except Exception as error:
                # Its text may hold anything.
                logger.error("the watcher failed", error=type(error).__name__)
            if self._away:
                await asyncio.sleep(min(2.0**self._away, _LONGEST_PAUSE))
            else:
                await asyncio.sleep(0 if full else _LOOK_EVERY)

    async def round(self) -> bool:
        """Ask about one batch; whether there may be more."""
        watched = await self.ledger.read(waiting.due(self.clock(), _BATCH))
        if not watched:
            return False
        sights = await self._ask(watched)
        if sights is None:
            # Nothing was learnt, so nothing is noted: all of it is still due.
            self._away += 1
            return False
        self._away = 0
        now = self.clock()
        unknown = Sight(known=False)
        findings = [waiting.judge(one, sights.get(one.id, unknown), now) for one in watched]
        for found in await self.ledger.write(waiting.note(findings, now), within=5):
            if found.took_effect == "no":
                self.no_effect(found.watched.source)
            _tell(found, sights.get(found.watched.id, unknown))
        return len(watched) == _BATCH

    async def _ask(self, watched: list[Watched]) -> dict[str, Sight] | None:
        """What Restate says of their invocations, by the callbacks' ids; None where it does not answer."""
        ids = {one.id: invocation_id(one.awakeable) for one in watched if one.awakeable and _is_asked(one)}
        if not ids:
            return {}
        invocations = await self.admin.invocations(sorted(set(ids.values())))
        if invocations is None:
            return None
        # Asked for after the invocations: what has ended by now has all the signals it will ever have.
        completed = {ids[one.id] for one in watched if one.id in ids and one.accepted}
        signals = await self.admin.signals(sorted(completed)) if completed else {}
        if signals is None:
            return None
        trusted = any(not invocation.over for invocation in invocations.values())
        return {
            callback: _sight(invocations.get(invocation), signals.get(invocation), trusted)
            for callback, invocation in ids.items()
        }


def _is_asked(watched: Watched) -> bool:
    return watched.accepted or watched.state is State.OPEN


def _sight(invocation: Invocation | None, signals: set[int] | None, trusted: bool) -> Sight:
    if invocation is None:
        return Sight(known=False, trusted=trusted)
    return Sight(
        known=True,
        over=invocation.over,
        paused=invocation.paused,
        created_at=invocation.created_at,
        ended_at=invocation.ended_at,
        signals=signals,
        trusted=trusted,
    )


def _tell(found: Finding, sight: Sight) -> None:
    callback = found.watched.id
    if found.took_effect == "no":
        logger.error(
            "no effect: the invocation was over before the event's value came; what still comes for this "
            "callback is answered 410",
            callback=callback,
        )
    elif found.took_effect == "yes" and sight.paused:
        logger.warning(
            "paused: the value came to a paused invocation and takes effect once that is resumed",
            callback=callback,
        )
    elif found.closes:
        logger.warning("orphan closed: nobody waits for this callback any more", callback=callback)
    elif found.orphaned and not found.watched.orphaned:
        logger.warning("orphan: nobody seems to wait for this callback any more", callback=callback)
