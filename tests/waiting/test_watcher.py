"""How the watcher asks, what it does without an answer, and that it never wins over an event."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from gateway.admin import RestateAdmin
from gateway.invocations import invocation_id
from gateway.ledger import Ledger, issuing, owing, waiting
from gateway.ledger.records import EFFECT_LOOK_MS, FIRST_LOOK_MS, Callback
from gateway.ledger.waiting import Sight
from gateway.outcome import Outcome, State
from gateway.targets import Awakeable, Handler
from gateway.watcher import Watcher
from tests.core.samples import NOW
from tests.gateway.process import new_awakeable
from tests.ledger.samples import callback, deliver_one, event, issue, rows, state_of

ADMIN = "http://restate:9070"
LATER = NOW + FIRST_LOOK_MS / 1000
OVER = {
    "status": "completed",
    "created_at": "2026-01-01T00:00:00.000Z",
    "completed_at": "2026-01-01T00:01:00Z",
}
ALIVE = {"status": "suspended", "created_at": "2026-01-01T00:00:00.000Z"}


class FakeAdmin:
    """Answers queries with the rows of invocations and signals that it was given; counts them."""

    def __init__(self) -> None:
        self.invocations: dict[str, dict[str, str]] = {}
        self.signals: dict[str, list[int]] = {}
        self.queries: list[str] = []
        self.status = 200
        self._asking = 0
        self.most_at_once = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        query = json.loads(request.content)["query"]
        self.queries.append(query)
        self._asking += 1
        self.most_at_once = max(self.most_at_once, self._asking)
        await asyncio.sleep(0.01)
        self._asking -= 1
        ids = re.findall(r"'(inv_1\w+)'", query)
        if "sys_invocation" in query:
            found = [{"id": one, **self.invocations[one]} for one in ids if one in self.invocations]
        else:
            found = [
                {"id": one, "entry_lite_json": f'{{"id":{{"SignalIndex":{index}}}}}'}
                for one in ids
                for index in self.signals.get(one, [])
            ]
        return httpx.Response(self.status, json={"rows": found})


@pytest.fixture
def restate() -> Iterator[FakeAdmin]:
    fake = FakeAdmin()
    with respx.mock(using="httpx", assert_all_called=False) as network:
        network.post(f"{ADMIN}/query").mock(side_effect=fake)
        yield fake


@pytest.fixture
async def watcher(ledger: Ledger) -> AsyncIterator[Watcher]:
    """A watcher five minutes after the samples' now."""
    admin = RestateAdmin(ADMIN)
    yield Watcher(ledger, admin, lambda source: None, lambda: LATER)
    await admin.close()


async def open_callback(ledger: Ledger, **changes: Any) -> Callback:
    """An open callback that an invocation of its own waits for."""
    one = callback(**{"target": Awakeable(new_awakeable()), **changes})
    return (await issue(ledger, one)).callback


def invocation(of: Callback) -> str:
    assert isinstance(of.target, Awakeable)
    return invocation_id(of.target)


async def accepted(ledger: Ledger, to: Callback) -> None:
    """An event that Restate has taken, at the samples' now."""
    disposed = await deliver_one(ledger, to, event(f"evt_{to.id}"))
    assert disposed.owed is not None
    await ledger.write(owing.accepted([disposed.owed]), within=10)


async def test_only_awakeables_are_asked_about_and_not_before_five_minutes(
    ledger: Ledger, watcher: Watcher, restate: FakeAdmin
) -> None:
    old = await open_callback(ledger)
    await open_callback(ledger, target=Handler("Inbox", None, "take"))
    await open_callback(ledger, created_at=NOW + 1)
    await watcher.round()
    (query,) = restate.queries
    assert re.findall(r"'(inv_1\w+)'", query) == [invocation(old)]


async def test_a_backlog_is_asked_about_in_batches_one_query_after_the_other(
    ledger: Ledger, watcher: Watcher, restate: FakeAdmin
) -> None:
    ones = [await open_callback(ledger) for _ in range(700)]
    restate.invocations = {invocation(one): ALIVE for one in ones}
    assert [await watcher.round() for _ in range(4)] == [True, True, False, False]
    assert (len(restate.queries), restate.most_at_once) == (3, 1)
    assert await rows(ledger, "SELECT DISTINCT state, orphaned FROM callbacks") == [("open", False)]


async def test_effects_and_orphans_are_noted(ledger: Ledger, watcher: Watcher, restate: FakeAdmin) -> None:
    lives, over, missing, had, missed = [await open_callback(ledger) for _ in range(5)]
    for one in (had, missed):
        await accepted(ledger, one)
    restate.invocations = {invocation(lives): ALIVE, **{invocation(o): OVER for o in (over, had, missed)}}
    restate.signals = {invocation(had): [1, 17], invocation(missed): [1]}
    await watcher.round()
    found = {one.id: one for one in await ledger.read(issuing.listing("shop", None, None, None, "", 10))}
    assert [found[one.id].orphaned for one in (lives, over, missing)] == [False, True, True]
    assert [found[one.id].took_effect for one in (had, missed)] == ["yes", "no"]
    assert {o.id for o in await ledger.read(issuing.listing("shop", None, None, None, "", 10, True))} == {
        over.id,
        missing.id,
    }
    watcher.clock = lambda: LATER + 121
    await watcher.round()
    assert [await state_of(ledger, one) for one in (lives, over, missing)] == ["open", "closed", "open"]


async def test_what_is_missing_is_no_orphan_while_nobody_is_seen_waiting(
    ledger: Ledger, watcher: Watcher, restate: FakeAdmin
) -> None:
    one, finished = await open_callback(ledger), await open_callback(ledger)
    restate.invocations = {invocation(finished): OVER}
    await watcher.round()
    assert await rows(ledger, "SELECT orphaned FROM callbacks WHERE id = :id", id=one.id) == [(False,)]


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_without_an_answer_nothing_is_noted_and_all_of_it_stays_due(
    ledger: Ledger, watcher: Watcher, restate: FakeAdmin, status: int
) -> None:
    one = await open_callback(ledger)
    await ledger.write(lambda tx: tx.run("UPDATE callbacks SET orphaned = true", {}), within=10)
    before = await rows(ledger, "SELECT * FROM callbacks")
    restate.status = status
    assert await watcher.round() is False
    assert await rows(ledger, "SELECT * FROM callbacks") == before
    restate.status = 200
    restate.invocations = {invocation(one): OVER}
    await watcher.round()
    assert await state_of(ledger, one) is State.CLOSED


async def test_an_admin_api_that_is_away_is_asked_ever_less_often(
    ledger: Ledger, watcher: Watcher, restate: FakeAdmin
) -> None:
    await open_callback(ledger)
    restate.status = 503
    running = asyncio.create_task(watcher.run())
    await asyncio.sleep(3.5)
    assert len(restate.queries) == 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_event_and_the_sweep_have_one_winner(ledger: Ledger) -> None:
    swept = 0
    for number in range(200):
        one = replace(callback(target=Awakeable(new_awakeable())), orphaned=True)
        await issue(ledger, one)
        (watched,) = await ledger.read(waiting.due(LATER, 10))
        finding = waiting.judge(watched, Sight(known=True, over=True), LATER)
        assert finding.closes

        async def sweep(finding: waiting.Finding = finding) -> bool:
            return bool(await ledger.write(waiting.note([finding], LATER), within=10))

        async def come(one: Callback = one, number: int = number) -> Outcome:
            return (await deliver_one(ledger, one, event(f"evt_{number}"))).outcome

        if random.random() < 0.5:
            closed, outcome = await asyncio.gather(sweep(), come())
        else:
            outcome, closed = await asyncio.gather(come(), sweep())
        assert (closed, outcome) in {(True, Outcome.LATE), (False, Outcome.PENDING)}
        assert await state_of(ledger, one) is (State.CLOSED if closed else State.COMPLETED)
        swept += closed
        # Out of the way of the next.
        await ledger.write(lambda tx: tx.run("UPDATE callbacks SET check_at = NULL", {}), within=10)
    assert 0 < swept < 200


async def test_a_callback_whose_invocation_ends_by_its_event_is_not_taken_for_an_orphan(
    ledger: Ledger,
) -> None:
    one = await open_callback(ledger)
    (watched,) = await ledger.read(waiting.due(LATER, 10))
    await accepted(ledger, one)
    finding = waiting.judge(watched, Sight(known=True, over=True), LATER)
    assert finding.orphaned
    assert await ledger.write(waiting.note([finding], LATER), within=10) == []
    assert await rows(ledger, "SELECT state, orphaned FROM callbacks") == [("completed", False)]


async def test_two_gateways_that_find_the_same_tell_it_once(ledger: Ledger) -> None:
    await open_callback(ledger)
    (watched,) = await ledger.read(waiting.due(LATER, 10))
    finding = waiting.judge(watched, Sight(known=True, over=True), LATER)
    assert await ledger.write(waiting.note([finding], LATER), within=10) == [finding]
    assert await ledger.write(waiting.note([finding], LATER), within=10) == []


async def test_completing_makes_a_callback_due_two_seconds_later(ledger: Ledger) -> None:
    one = await open_callback(ledger)
    await accepted(ledger, one)
    due_at = NOW + EFFECT_LOOK_MS / 1000
    assert await ledger.read(waiting.due(due_at - 0.01, 10)) == []
    (watched,) = await ledger.read(waiting.due(due_at, 10))
    assert (watched.state, watched.accepted) == (State.COMPLETED, True)


async def test_a_target_that_can_t_be_read_holds_up_no_other(
    ledger: Ledger, watcher: Watcher, restate: FakeAdmin
) -> None:
    broken, one = await open_callback(ledger), await open_callback(ledger)
    sql = "UPDATE callbacks SET target = '{' WHERE id = :id"
    await ledger.write(lambda tx: tx.run(sql, {"id": broken.id}), within=10)
    restate.invocations = {invocation(one): OVER}
    await watcher.round()
    assert await rows(ledger, "SELECT id FROM callbacks WHERE orphaned = true") == [(one.id,)]
