"""A callback that ops complete by hand: it is claimed as by an event, whole or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import Conflict, NotFound
from gateway.ledger import Ledger, byhand, issuing, owing
from gateway.ledger.records import Callback, Disposed, Proposal
from gateway.outcome import Outcome, State
from gateway.rules import Rules, Verdict
from tests.core.samples import NOW
from tests.ledger.samples import (
    STREAM,
    callback,
    deliver_one,
    effects,
    event,
    open_callback,
    proposal,
    rows,
    state_of,
)


def given(to: Callback, verdict: Verdict = Verdict.SUCCEEDED, at: float = NOW + 1) -> Proposal:
    """What ops propose, of a type that no rule names."""
    plain = proposal(to, event(None, "manual", digest=None), at=at, source="manual")
    return replace(plain, verdict=verdict, note="completed by hand by the client ops", secret="")


async def complete(ledger: Ledger, to: Callback, what: Proposal | None = None) -> Disposed:
    """Complete a callback by hand."""
    return await ledger.write(byhand.complete(what or given(to), to.id), within=10)


@pytest.mark.parametrize(
    ("verdict", "state"), [(Verdict.SUCCEEDED, State.COMPLETED), (Verdict.FAILED, State.FAILED)]
)
async def test_it_ends_the_wait_as_ops_say_whatever_the_rules(
    ledger: Ledger, verdict: Verdict, state: State
) -> None:
    waiting = await open_callback(ledger, rules=Rules(("payment.succeeded",)))
    disposed = await complete(ledger, waiting, given(waiting, verdict))
    assert disposed.owed is not None
    assert (disposed.owed.verdict, disposed.owed.source) == (verdict, "manual")
    assert await state_of(ledger, waiting) == state
    assert await rows(ledger, "SELECT source, reason, outcome, received_at FROM deliveries") == [
        ("manual", "completed by hand by the client ops", None, int((NOW + 1) * 1000))
    ]


async def test_the_courier_tells_restate_the_same_after_a_restart(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    disposed = await complete(ledger, waiting)
    await ledger.write(owing.release(), within=10)
    (owed,) = await ledger.write(owing.take(NOW + 60, 10), within=10)
    assert disposed.owed is not None
    assert owed == replace(disposed.owed, callback=owed.callback)
    assert owed.callback.id == waiting.id


async def test_the_provider_s_event_comes_second_then(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await complete(ledger, waiting)
    late = await deliver_one(ledger, waiting, event())
    assert (late.outcome, late.conflict, late.owed) == (Outcome.DUPLICATE, True, None)
    assert await effects(ledger, waiting) == 1


async def test_what_an_event_has_won_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await deliver_one(ledger, waiting, event())
    with pytest.raises(Conflict, match="it is completed already"):
        await complete(ledger, waiting)
    assert await rows(ledger, "SELECT count(*) FROM deliveries") == [(1,)]
    assert await rows(ledger, "SELECT count(*) FROM events") == [(1,)]


async def test_what_is_over_is_refused(ledger: Ledger) -> None:
    closed, revoked, expired = [await open_callback(ledger) for _ in range(3)]
    await ledger.write(issuing.close(closed.id, "shop", NOW), within=10)
    await ledger.write(issuing.revoke(revoked.id, None, NOW), within=10)
    for one, what, words in (
        (closed, given(closed), "closed"),
        (revoked, given(revoked), "revoked"),
        (expired, given(expired, at=NOW + 4000), "expired"),
    ):
        with pytest.raises(Conflict, match=f"it is {words} already"):
            await complete(ledger, one, what)
        assert await effects(ledger, one) == 0
    with pytest.raises(NotFound):
        await complete(ledger, callback())
    assert await rows(ledger, "SELECT count(*) FROM callbacks") == [(3,)]


async def test_ops_and_a_provider_at_once_have_one_effect(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)

    async def by_hand() -> bool:
        try:
            return (await complete(ledger, waiting)).owed is not None
        except Conflict:
            return False

    async def by_event(number: int) -> bool:
        return (await deliver_one(ledger, waiting, event(f"evt_{number}"))).owed is not None

    won = await asyncio.gather(*(by_hand() for _ in range(10)), *(by_event(n) for n in range(10)))
    assert sum(won) == 1
    assert await effects(ledger, waiting) == 1


async def test_what_restate_refused_for_good_can_be_completed_by_hand_once(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    dead = await deliver_one(ledger, waiting, event())
    assert dead.owed is not None
    await ledger.write(owing.refused(dead.owed, "HTTP 400", None), within=10)
    assert (await complete(ledger, waiting)).owed is not None
    with pytest.raises(Conflict):
        await complete(ledger, waiting)


async def test_a_stream_ends_with_it_in_its_order(ledger: Ledger) -> None:
    stream = await open_callback(ledger, target=STREAM)
    await deliver_one(ledger, stream, event("evt_1", "payment.pending"))
    disposed = await complete(ledger, stream)
    assert disposed.owed is not None
    assert (disposed.owed.sequence, disposed.owed.waits) == (2, True)
    assert await state_of(ledger, stream) == State.COMPLETED
