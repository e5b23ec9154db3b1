"""
The courier: takes what is owed in the ledger to Restate until it is accepted.

Each effect goes out with the idempotency key that its first try had, in order within a stream. While
Restate is away one effect at a time asks whether it is back; then the backlog follows at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway import failpoints
from gateway.envelope import Effect
from gateway.errors import TryLater
from gateway.ledger import Ledger, owing
from gateway.ledger.records import Disposed, Owed
from gateway.log import logger
from gateway.outcome import Outcome
from gateway.restate import Answered, RestateClient, Result
from gateway.rules import Verdict

#: Between two looks at the ledger when nothing is owed.
_LOOK_EVERY = 0.25
#: Effects on their way at a time: enough for a backlog of 1,000 in a second.
_AT_A_TIME = 32
_BATCH = 256
#: What one effect may take: a Restate that takes five seconds is slow, not away.
_PATIENCE = 6.0
#: While Restate is away it is asked again after so long at first and at most. With the patience above its
#: return is seen within eight seconds, even if the call that was under way when it went is never answered.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
#: An effect that Restate answered, but did not take, waits so long at first and at most.
_FIRST_RETRY, _LONGEST_RETRY = 0.5, 60.0


@dataclass
class Courier:
    """
    Delivers what is owed. `provider_of` gives a source's provider name, for the envelope, and `notifies`
    whether its events only notify; `attempts` counts what it brought later than at once, by what came of it.
    """

    ledger: Ledger
    restate: RestateClient
    provider_of: Callable[[str], str]
    clock: Callable[[], float] = time.time
    attempts: Counter[Answered] = field(default_factory=Counter)
    notifies: Callable[[str], bool] = lambda _: False
    _away: int = 0
    _accepted: list[Owed] = field(default_factory=list)
    _flushing: asyncio.Task[None] | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def deliver(self, owed: Owed, deadline: float, traceparent: str | None = None) -> Outcome:
        """
        Bring one effect to Restate until `deadline` (monotonic): `completed` or `progress` where it was
        accepted, `dead` where it never will be, `pending` otherwise.

        `traceparent` is that of the delivery, for Restate's spans to come under.

        That it was is noted off the path. If the note is lost, the effect goes out again with the same
        idempotency key, which changes nothing.
        """
        result = await self.restate.complete(self.effect(owed), deadline, traceparent)
        return self._settle(owed, result)

    def bring(self, disposed: Iterable[Disposed]) -> None:
        """Deliver, beside all else, what was recorded too late for its provider, which is to come again."""
        for one in disposed:
            if one.owed is not None and not one.owed.waits:
                self._beside(self.deliver(one.owed, time.monotonic() + _PATIENCE))

    def _settle(self, owed: Owed, result: Result) -> Outcome:
        """Note what Restate answered."""
        if result.answered is Answered.ACCEPTED:
            self._note(owed)
            return Outcome.PROGRESS if owed.verdict is Verdict.PROGRESS else Outcome.COMPLETED
        return self._not_accepted(owed, result)

    def effect(self, owed: Owed) -> Effect:
        """What Restate is told."""
        callback = owed.callback
        return Effect(
            callback_id=callback.id,
            source=owed.source,
            provider=self.provider_of(owed.source),
            target=callback.target,
            on_failure=callback.on_failure,
            verdict=owed.verdict,
            event_id=owed.event_id,
            event_type=owed.event_type,
            type_verified=owed.type_verified,
            time=owed.time,
            reason=owed.reason,
            data=owed.data,
            json=owed.json,
            media_type=owed.media_type,
            sequence=owed.sequence,
            verified="notification" if self.notifies(callback.source) else "signature",
        )

    async def run(self) -> None:
        """Deliver what is due until cancelled."""
        while True:
            try:
                idle = await self._round()
            except TryLater as error:
                logger.warning("ledger is away", error=error.detail)
                idle = True
            except Exception as error:
                # A fault of ours: what is owed has to be brought all the same. Its text may hold anything.
                logger.error("the courier failed", error=type(error).__name__)
                idle = True
            if self._away:
                pause = min(_FIRST_PAUSE * 2 ** min(self._away, 10), _LONGEST_PAUSE)
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, no secret
            elif idle:
                await asyncio.sleep(_LOOK_EVERY)

    async def _round(self) -> bool:
        """Take what is due and deliver it; whether there was nothing."""
        limit = 1 if self._away else _BATCH
        owed = await self.ledger.note(owing.take(self.clock(), limit), within=5)
        if not owed:
            self._away = 0
            return True
        places = asyncio.Semaphore(_AT_A_TIME)

        async def one(effect: Owed) -> Outcome:
            try:
                async with places:
                    await failpoints.reach("before-courier")
                    deadline = time.monotonic() + _PATIENCE
                    result = await self.restate.complete(self.effect(effect), deadline)
                    self.attempts[result.answered] += 1
                    outcome = self._settle(effect, result)
                    await failpoints.reach("after-courier")
                    return outcome
            except Exception as error:
                # It holds up no other; in flight as it is, it is due again in a while.
                logger.error("the courier failed", callback=effect.callback.id, error=type(error).__name__)
                return Outcome.PENDING

        outcomes = await asyncio.gather(*map(one, owed))
        over = (Outcome.COMPLETED, Outcome.PROGRESS)
        accepted = [effect for effect, outcome in zip(owed, outcomes, strict=True) if outcome in over]
        # Noted before the next look, which finds a stream's next event by it.
        await self._write_quietly(owing.accepted(accepted))
        logger.info("courier", taken=len(owed), accepted=len(accepted))
        return False

    def _not_accepted(self, owed: Owed, result: Result) -> Outcome:
        """Note an effect that was not taken: `pending`, or `dead` where it is given up."""
        now = self.clock()
        if result.answered is Answered.AWAY:
            # The courier itself pauses; another effect asks next time, in case it is this one's fault.
            self._away += 1
            self._write_beside(owing.postpone([owed], now + 2 * _LONGEST_PAUSE))
            return Outcome.PENDING
        self._away = 0
        unknown = result.answered is Answered.UNKNOWN
        given_up = result.answered is Answered.REFUSED or (unknown and now > owed.callback.expires_at)
        pause = min(_FIRST_RETRY * 2 ** min(owed.attempts, 10), _LONGEST_RETRY)
        retry_at = None if given_up else now + pause * random.uniform(0.8, 1.2)  # noqa: S311  # as above
        logger.error(
            "dead: Restate refuses it for good" if given_up else "Restate did not take it, trying again",
            callback=owed.callback.id,
            source=owed.callback.source,
            answer=result.detail,
        )
        self._write_beside(owing.refused(owed, result.detail, retry_at))
        return Outcome.DEAD if given_up else Outcome.PENDING

    def _note(self, owed: Owed) -> None:
        self._away = 0
        self._accepted.append(owed)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        """Note all that was accepted meanwhile in one operation, beside the deliveries' own commits."""
        while self._accepted:
            accepted: Sequence[Owed] = self._accepted[:]
            self._accepted.clear()
            await failpoints.reach("before-note")
            await self._write_quietly(owing.accepted(accepted))

    async def _write_quietly(self, operation: Callable[..., None]) -> None:
        # Without its note an effect is only repeated: a ledger that is away costs nothing here, and a flush
        # would buy nothing.
        try:
            await self.ledger.note(operation, within=5)
        except TryLater as error:
            logger.warning("ledger is away", error=error.detail)

    def _write_beside(self, operation: Callable[..., None]) -> None:
        # A provider waits for its answer, not for a note that nothing but the next try depends on.
        self._beside(self._write_quietly(operation))

    def _beside(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, within: float = 5) -> None:
        """Wait until what Restate answered has been noted."""
        pending = self._tasks | ({self._flushing} if self._flushing else set())
        if pending:
            await asyncio.wait(pending, timeout=within)
