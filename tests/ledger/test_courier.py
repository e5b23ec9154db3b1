"""The courier: what is owed reaches Restate once, in order, and again as long as it takes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from gateway.envelope import Effect
from gateway.errors import TryLater
from gateway.ledger import Ledger, disposing, issuing, owing
from gateway.ledger.courier import Courier
from gateway.ledger.records import Callback, Disposed
from gateway.ledger.worker import Operation, Result, Transaction
from gateway.outcome import Outcome
from gateway.restate import Answered, RestateClient, request
from gateway.restate import Result as Answer
from gateway.targets import Handler
from tests.core.samples import NOW
from tests.ledger.samples import STREAM, deliver_one, event, issue, open_callback, proposal, rows, state_of
from tests.ledger.samples import callback as new_callback

ACCEPTED, AWAY = Answer(Answered.ACCEPTED, "HTTP 202"), Answer(Answered.AWAY, "TimeoutError")
RETRY, UNKNOWN = Answer(Answered.RETRY, "HTTP 503"), Answer(Answered.UNKNOWN, "HTTP 404")
REFUSED = Answer(Answered.REFUSED, "HTTP 413")
#: Past the ten seconds for which a row in flight is left alone.
LATER = 60.0


class Scripted(RestateClient):
    """A client of Restate's that answers as a function says and takes down what it was given."""

    def __init__(self, answer: Callable[[Effect], Answer] = lambda _: ACCEPTED) -> None:
        super().__init__(("http://127.0.0.1:1",))
        self.answer = answer
        self.calls: list[Effect] = []

    async def complete(self, effect: Effect, deadline: float, traceparent: str | None = None) -> Answer:
        """Answer by the script, a moment later."""
        assert deadline > time.monotonic()
        self.calls.append(effect)
        await asyncio.sleep(0.001)
        return self.answer(effect)

    def of(self, callback: Callback) -> list[Effect]:
        """The calls for one callback."""
        return [effect for effect in self.calls if effect.callback_id == callback.id]


@dataclass
class Clock:
    """The real clock's pace from a time of our own."""

    ahead: float = LATER
    _start: float = field(default_factory=time.monotonic)

    def __call__(self) -> float:
        return NOW + self.ahead + time.monotonic() - self._start


@asynccontextmanager
async def working(
    ledger: Ledger, restate: RestateClient, clock: Clock | None = None
) -> AsyncIterator[Courier]:
    """A courier at work."""
    courier = Courier(ledger, restate, lambda source: "stripe", clock or Clock())
    task = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        assert not task.done(), "the courier has stopped working"
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await courier.drain()


async def until(check: Callable[[], Any], seconds: float) -> None:
    """Wait until a check, or the coroutine that it gives, says so."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


async def outcomes(ledger: Ledger) -> Counter[str]:
    """How many events have which outcome."""
    found = await ledger.read(lambda tx: tx.all("SELECT outcome FROM events", {}))
    return Counter(row["outcome"] for row in found)


def all_are(ledger: Ledger, outcome: str) -> Callable[[], Any]:
    """A check that every event has an outcome."""

    async def check() -> bool:
        return set(await outcomes(ledger)) == {outcome}

    return check


async def owed(ledger: Ledger, kind: str = "payment.succeeded", **changes: Any) -> tuple[Callback, Disposed]:
    """A callback and the event that has won it, which Restate has not been told of."""
    waiting = await open_callback(ledger, **changes)
    return waiting, await deliver_one(ledger, waiting, event(f"evt-{waiting.id}", kind))


async def test_what_is_owed_is_delivered_and_noted(ledger: Ledger) -> None:
    waiting, _ = await owed(ledger)
    restate = Scripted()
    async with working(ledger, restate):
        await until(all_are(ledger, "completed"), 5)
    (call,) = restate.calls
    assert (call.callback_id, call.source, call.provider) == (waiting.id, "acmepay", "stripe")
    assert (call.target, call.verdict, call.data) == (
        waiting.target,
        "succeeded",
        event(f"evt-{waiting.id}").data,
    )


async def test_each_try_is_the_same_request_with_the_same_idempotency_key(ledger: Ledger) -> None:
    waiting, _ = await owed(ledger, target=Handler("Inbox", "a/b", "take"))
    script = [AWAY, RETRY, UNKNOWN, ACCEPTED]
    restate = Scripted(lambda _: script.pop(0))
    async with working(ledger, restate):
        await until(all_are(ledger, "completed"), 10)
    requests = [request(effect) for effect in restate.calls]
    assert len(requests) == 4
    assert all(one == requests[0] for one in requests)
    assert requests[0][1]["idempotency-key"].startswith(waiting.id)
    assert await state_of(ledger, waiting) == "completed"


async def test_the_couriers_request_is_the_one_that_was_tried_at_once(ledger: Ledger) -> None:
    _, disposed = await owed(ledger, target=STREAM)
    assert disposed.owed is not None
    restate = Scripted(lambda _: AWAY if len(restate.calls) == 1 else ACCEPTED)
    async with working(ledger, restate, Clock(ahead=0)) as courier:
        assert await courier.deliver(disposed.owed, time.monotonic() + 1) is Outcome.PENDING
        await until(all_are(ledger, "completed"), 5)
    assert request(restate.calls[0]) == request(restate.calls[1])


async def test_what_is_recorded_too_late_for_its_provider_is_delivered_at_once(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    record = disposing.record(proposal(waiting, event("evt-1")), lambda: "0" * 20)

    def slow(tx: Transaction) -> list[Disposed]:
        tx.before_flush(lambda: time.sleep(0.3))
        return record(tx)

    restate = Scripted()
    # To this clock it is in flight for another nine seconds.
    async with working(ledger, restate, Clock(ahead=1)) as courier:
        with pytest.raises(TryLater, match="did not answer in time"):
            await ledger.write(slow, 0.1, courier.bring)
        await until(all_are(ledger, "completed"), 3)
    assert len(restate.calls) == 1


async def test_what_is_in_flight_is_not_doubled(ledger: Ledger) -> None:
    await owed(ledger)
    restate = Scripted()
    async with working(ledger, restate, Clock(ahead=1)):
        await asyncio.sleep(0.6)
    assert restate.calls == []
    async with working(ledger, restate, Clock(ahead=10)):
        await until(all_are(ledger, "completed"), 5)
    assert len(restate.calls) == 1


async def test_where_the_note_was_lost_it_goes_out_again_with_the_same_key(ledger: Ledger) -> None:
    # The process died between Restate's answer and the note.
    _, disposed = await owed(ledger, target=STREAM)
    assert disposed.owed is not None
    first = Courier(ledger, Scripted(), lambda _: "stripe", Clock(ahead=0))
    before = first.effect(disposed.owed)
    restate = Scripted()
    async with working(ledger, restate):
        await until(all_are(ledger, "completed"), 5)
    assert request(restate.calls[0]) == request(before)


async def test_a_streams_events_go_out_in_order_whatever_fails(ledger: Ledger) -> None:
    stream = await open_callback(ledger, target=STREAM)
    for number in range(6):
        await deliver_one(ledger, stream, event(f"evt_{number}", "payment.pending"))
    await deliver_one(ledger, stream, event("evt_6"))
    other, _ = await owed(ledger)
    failing = iter([AWAY, RETRY, ACCEPTED, RETRY, ACCEPTED, ACCEPTED])
    restate = Scripted(lambda effect: next(failing, ACCEPTED) if effect.sequence else ACCEPTED)
    async with working(ledger, restate):
        await until(lambda: restate.of(other), 5)
        await until(lambda: len(restate.of(stream)) >= 10, 15)
        await until(lambda: _no_more_pending(ledger), 5)
    assert [effect.sequence for effect in restate.of(stream)] == [1, 1, 1, 2, 2, 3, 4, 5, 6, 7]
    assert await outcomes(ledger) == {"progress": 6, "completed": 2}


async def _no_more_pending(ledger: Ledger) -> bool:
    return await ledger.read(owing.count()) == 0


async def test_a_streams_backlog_is_delivered_one_right_after_the_other(ledger: Ledger) -> None:
    stream = await open_callback(ledger, target=STREAM)
    for number in range(50):
        await deliver_one(ledger, stream, event(f"evt_{number}", "payment.pending"))
    restate = Scripted()
    async with working(ledger, restate):
        await until(all_are(ledger, "progress"), 5)
    assert [effect.sequence for effect in restate.calls] == list(range(1, 51))


async def test_a_dead_event_of_a_stream_does_not_hold_up_the_next(ledger: Ledger) -> None:
    stream = await open_callback(ledger, target=STREAM)
    for number in range(3):
        await deliver_one(ledger, stream, event(f"evt_{number}", "payment.pending"))
    restate = Scripted(lambda effect: REFUSED if effect.sequence == 2 else ACCEPTED)
    async with working(ledger, restate):
        await until(lambda: _no_more_pending(ledger), 5)
    assert [effect.sequence for effect in restate.calls] == [1, 2, 3]
    assert await rows(ledger, "SELECT outcome FROM events ORDER BY id") == [
        ("progress",),
        ("dead",),
        ("progress",),
    ]


async def test_while_restate_is_away_it_is_asked_now_and_then_and_the_backlog_follows(
    ledger: Ledger,
) -> None:
    async def one(number: int) -> None:
        waiting = (await issue(ledger, new_callback())).callback
        await deliver_one(ledger, waiting, event(f"evt_{number}"))

    await asyncio.gather(*(one(number) for number in range(1000)))
    away = True
    restate = Scripted(lambda _: AWAY if away else ACCEPTED)
    async with working(ledger, restate):
        await until(lambda: restate.calls, 5)
        await asyncio.sleep(1.0)
        at_first = len(restate.calls)
        await asyncio.sleep(5.0)
        probes = len(restate.calls) - at_first
        away = False
        start = time.monotonic()
        await until(all_are(ledger, "completed"), 10)
        took = time.monotonic() - start
    # What was taken up when it was thought to be there, and perhaps a first question after that.
    assert at_first <= 256 + 1
    assert 1 <= probes <= 10
    assert took < 6, f"the backlog took {took:.1f} s"
    accepted = Counter(effect.callback_id for effect in restate.calls[at_first + probes :])
    assert len(accepted) == 1000
    assert set(accepted.values()) == {1}


async def test_what_restate_refuses_is_dead_and_in_sight(ledger: Ledger) -> None:
    waiting, _ = await owed(ledger)
    restate = Scripted(lambda _: REFUSED)
    async with working(ledger, restate):
        await until(all_are(ledger, "dead"), 5)
        await asyncio.sleep(0.6)
    assert len(restate.calls) == 1
    _, (shown,) = await ledger.read(issuing.get(waiting.id, "shop"))
    assert (shown["outcome"], shown["error"], shown["attempts"]) == ("dead", "HTTP 413", 1)


@pytest.mark.parametrize("answer", [RETRY, AWAY], ids=["retry", "away"])
async def test_what_restate_may_still_take_is_never_given_up(ledger: Ledger, answer: Answer) -> None:
    await owed(ledger)
    clock = Clock(ahead=7200)  # the callback has expired since: what was recorded in time is delivered
    restate = Scripted(lambda _: answer if len(restate.calls) < 3 else ACCEPTED)
    async with working(ledger, restate, clock):
        await until(lambda: len(restate.calls) >= 2, 10)
        assert await outcomes(ledger) == {"pending": 1}
        clock.ahead += 100
        await until(all_are(ledger, "completed"), 10)


async def test_an_unknown_handler_is_tried_until_the_callback_expires(ledger: Ledger) -> None:
    waiting, _ = await owed(ledger)
    clock = Clock()
    restate = Scripted(lambda _: UNKNOWN)
    async with working(ledger, restate, clock):
        await until(lambda: len(restate.calls) >= 2, 10)
        assert await outcomes(ledger) == {"pending": 1}
        clock.ahead = 4000
        await until(all_are(ledger, "dead"), 10)
    _, (shown,) = await ledger.read(issuing.get(waiting.id, "shop"))
    assert (shown["error"], shown["attempts"]) == ("HTTP 404", len(restate.calls))


async def test_tries_of_one_effect_come_further_and_further_apart(ledger: Ledger) -> None:
    await owed(ledger)
    clock = Clock()
    restate = Scripted(lambda _: RETRY)
    pauses = []
    for _ in range(12):
        (due,) = await ledger.write(owing.take(clock(), 10), within=5)
        courier = Courier(ledger, restate, lambda _: "stripe", clock)
        before = clock()
        await courier.deliver(due, time.monotonic() + 1)
        await courier.drain()
        ((not_before,),) = await rows(ledger, "SELECT not_before FROM events")
        pauses.append(not_before / 1000 - before)
        clock.ahead += pauses[-1] + 1
    assert 0.3 < pauses[0] < 0.8
    assert all(later > earlier for earlier, later in pairwise(pauses[:6]))
    assert 45 < pauses[-1] < 75


async def test_an_effect_that_cannot_even_be_tried_holds_up_no_other(ledger: Ledger) -> None:
    poison, _ = await owed(ledger)

    def answer(effect: Effect) -> Answer:
        if effect.callback_id == poison.id:
            raise RuntimeError("a fault of ours")
        return ACCEPTED

    restate = Scripted(answer)
    async with working(ledger, restate):
        await until(lambda: restate.of(poison), 5)
        others = [(await owed(ledger))[0] for _ in range(3)]
        # They are due at once, as after a restart.
        await ledger.write(lambda tx: tx.run("UPDATE events SET not_before = 0", {}), within=5)
        await until(lambda: all(restate.of(other) for other in others), 5)
        await until(lambda: _pending_is(ledger, 1), 5)


async def _pending_is(ledger: Ledger, wanted: int) -> bool:
    return await ledger.read(owing.count()) == wanted


@dataclass
class Flaky:
    """A ledger that is away for its first writes."""

    ledger: Ledger
    away_for: int
    exclusive: bool = True

    async def write(
        self,
        operation: Operation[Result],
        within: float | None = 0.4,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """As the ledger's, once it is back."""
        self._answers()
        return await self.ledger.write(operation, within, late)

    async def note(self, operation: Operation[Result], within: float | None = 0.4) -> Result:
        """As the ledger's, once it is back."""
        self._answers()
        return await self.ledger.note(operation, within)

    def _answers(self) -> None:
        if self.away_for:
            self.away_for -= 1
            raise TryLater("the ledger did not answer in time")

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """As the ledger's."""
        return await self.ledger.read(operation, within)

    def size(self) -> int | None:
        """As the ledger's."""
        return self.ledger.size()

    def close(self) -> None:
        """Nothing of its own."""


async def test_a_ledger_that_is_away_for_a_while_does_not_end_the_courier(ledger: Ledger) -> None:
    await owed(ledger)
    restate = Scripted()
    async with working(Flaky(ledger, 3), restate):
        await until(all_are(ledger, "completed"), 5)
    assert len(restate.calls) == 1


async def test_draining_waits_for_every_note(ledger: Ledger) -> None:
    courier = Courier(ledger, Scripted(), lambda _: "stripe", Clock(ahead=0))
    for _ in range(20):
        _, disposed = await owed(ledger)
        assert disposed.owed is not None
        assert await courier.deliver(disposed.owed, time.monotonic() + 1) is Outcome.COMPLETED
    await courier.drain()
    assert await outcomes(ledger) == {"completed": 20}


@pytest.mark.parametrize(
    ("kind", "target", "outcome"),
    [("payment.succeeded", STREAM, "completed"), ("payment.pending", STREAM, "progress")],
)
async def test_an_accepted_event_is_completed_or_progress(
    ledger: Ledger, kind: str, target: Handler, outcome: str
) -> None:
    _, disposed = await owed(ledger, kind, target=target)
    assert disposed.owed is not None
    courier = Courier(ledger, Scripted(), lambda _: "stripe", Clock(ahead=0))
    assert await courier.deliver(disposed.owed, time.monotonic() + 1) == outcome
    await courier.drain()
    assert await outcomes(ledger) == {outcome: 1}
