"""Issuing, superseding, closing, revoking; and what wins where closing meets completing."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, cast

import psycopg
import pytest

from gateway.errors import Completing, GatewayError, Invalid, NotFound, TooManyOpen
from gateway.ledger import Ledger, issuing, owing
from gateway.ledger.issuing import Issued
from gateway.ledger.records import Callback, Disposed
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.worker import Row, Transaction
from gateway.outcome import Outcome, State
from gateway.rules import Rules
from gateway.targets import Awakeable, WorkflowPromise
from tests.core.samples import NOW, awakeable_id
from tests.ledger.samples import (
    STREAM,
    callback,
    deliver_one,
    effects,
    event,
    issue,
    open_callback,
    rows,
    state_of,
)


async def close(ledger: Ledger, of: Callback, client: str = "shop") -> State:
    """Close a callback as its client does."""
    return await ledger.write(issuing.close(of.id, client, NOW), within=10)


async def revoke(ledger: Ledger, of: Callback, client: str = "shop") -> State:
    """Revoke a callback."""
    return await ledger.write(issuing.revoke(of.id, client, NOW), within=10)


async def test_what_is_issued_is_kept_whole(ledger: Ledger) -> None:
    wanted = callback(
        target=WorkflowPromise("Checkout", "é/1", "payment"),
        rules=Rules(("a", "b*"), ("c",)),
        on_failure="reject",
        label="order-1",
        metadata={"order": [1, None, "é"]},
        created_at=NOW + 0.25,
    )
    await issue(ledger, wanted)
    assert await ledger.read(issuing.find(wanted.id)) == wanted


async def test_the_same_idempotency_key_gives_the_same_callback(ledger: Ledger) -> None:
    first = await issue(ledger, callback(), "key-1")
    again = await issue(ledger, callback(), "key-1")
    assert (first.again, again.again) == (False, True)
    assert again.callback == first.callback
    assert await rows(ledger, "SELECT count(*) FROM callbacks") == [(1,)]


async def test_the_same_idempotency_key_with_another_request_is_invalid(ledger: Ledger) -> None:
    await issue(ledger, callback(), "key-1", b"one")
    with pytest.raises(Invalid, match="used before with another request; use a new one") as caught:
        await issue(ledger, callback(), "key-1", b"two")
    assert caught.value.status == 422
    assert await rows(ledger, "SELECT count(*) FROM callbacks") == [(1,)]


async def test_an_idempotency_key_is_its_clients_own(ledger: Ledger) -> None:
    mine = await issue(ledger, callback(), "key-1")
    theirs = await issue(ledger, callback(client="other"), "key-1", b"two")
    assert mine.callback.id != theirs.callback.id


async def test_a_repeat_gives_a_callback_that_is_over_as_well(ledger: Ledger) -> None:
    first = await issue(ledger, callback(), "key-1")
    await close(ledger, first.callback)
    again = await issue(ledger, callback(), "key-1")
    assert again.callback == replace(first.callback, state=State.CLOSED)


async def test_fifty_issues_with_one_key_at_once_make_one_callback(ledger: Ledger) -> None:
    issued = await asyncio.gather(*(issue(ledger, callback(), "key-1") for _ in range(50)))
    assert len({one.callback.id for one in issued}) == 1
    assert sum(not one.again for one in issued) == 1


async def issue_within(ledger: Ledger, to: Callback, max_open: int, key: str | None = None) -> Issued:
    """Issue a callback for a client that may have so many open ones."""
    return await ledger.write(issuing.issue(to, key, b"digest", max_open), within=10)


async def test_a_client_has_no_more_open_callbacks_than_it_may(ledger: Ledger) -> None:
    first, second = callback(), callback()
    await issue_within(ledger, first, 2, "first")
    await issue_within(ledger, second, 2)
    with pytest.raises(TooManyOpen, match=r"clients.shop.max_open: the client has 2 open callbacks already"):
        await issue_within(ledger, callback(), 2)
    # A repeat gives what is there, another client has its own room, and what supersedes takes a place.
    assert (await issue_within(ledger, callback(), 2, "first")).again
    await issue_within(ledger, callback(client="desk"), 1)
    again = replace(callback(), target=second.target)
    assert (await issue_within(ledger, again, 2)).superseded == (second.id,)
    # One that is over makes room.
    await close(ledger, first)
    await issue_within(ledger, callback(), 2)
    with pytest.raises(TooManyOpen):
        await issue_within(ledger, callback(), 2)


async def test_what_does_not_fit_supersedes_nothing(ledger: Ledger) -> None:
    one, two = callback(), callback()
    await issue(ledger, one)
    await issue(ledger, two)
    with pytest.raises(TooManyOpen):
        await issue_within(ledger, replace(callback(), target=one.target), 1)
    assert [await state_of(ledger, of) for of in (one, two)] == [State.OPEN] * 2


async def test_of_fifty_issues_at_once_as_many_fit_as_may_be_open(ledger: Ledger) -> None:
    issues = (issue_within(ledger, callback(), 7) for _ in range(50))
    answers = await asyncio.gather(*issues, return_exceptions=True)
    assert sum(isinstance(answer, Issued) for answer in answers) == 7
    assert sum(isinstance(answer, TooManyOpen) for answer in answers) == 43


async def test_how_many_are_open_is_read_from_the_index_of_what_is_open(ledger: Ledger) -> None:
    asked: list[str] = []

    class Asked:
        """What a transaction is asked."""

        def __init__(self, tx: Transaction) -> None:
            self.tx = tx

        def one(self, sql: str, parameters: dict[str, Any]) -> Row | None:
            if "OFFSET" in sql:
                explain = "EXPLAIN QUERY PLAN" if isinstance(ledger, SqliteLedger) else "EXPLAIN"
                asked.extend(str(tuple(row)) for row in self.tx.all(f"{explain} {sql}", parameters))
            return self.tx.one(sql, parameters)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.tx, name)

    def operation(tx: Transaction) -> None:
        if not isinstance(ledger, SqliteLedger):
            tx.run("SET LOCAL enable_seqscan = off", {})  # it would read an empty table as a whole
        issuing.issue(callback(), None, b"digest", 1000)(cast("Transaction", Asked(tx)))

    await ledger.write(operation, within=10)
    assert "callbacks_open" in str(asked), asked


async def test_issuing_again_for_the_same_target_supersedes(ledger: Ledger) -> None:
    first = await open_callback(ledger)
    second = await issue(ledger, callback(target=first.target))
    assert second.superseded == (first.id,)
    assert await state_of(ledger, first) == "revoked"
    assert await state_of(ledger, second.callback) == "open"
    assert (await deliver_one(ledger, first, event())).outcome == "revoked"


@pytest.mark.parametrize(
    "difference",
    [{"client": "other"}, {"source": "other"}, {"label": "other"}, {"target": Awakeable(awakeable_id(9999))}],
)
async def test_only_the_same_client_source_target_and_label_supersedes(
    ledger: Ledger, difference: dict[str, Any]
) -> None:
    first = await open_callback(ledger)
    second = await issue(ledger, callback(**{"target": first.target} | difference))
    assert second.superseded == ()
    assert await state_of(ledger, first) == "open"


async def test_a_callback_that_is_over_is_not_superseded(ledger: Ledger) -> None:
    first = await open_callback(ledger)
    await deliver_one(ledger, first, event())
    second = await issue(ledger, callback(target=first.target))
    assert second.superseded == ()
    assert await state_of(ledger, first) == "completed"


async def test_of_many_issues_at_once_for_one_target_one_is_open(ledger: Ledger) -> None:
    target = callback().target
    issued = await asyncio.gather(*(issue(ledger, callback(target=target)) for _ in range(20)))
    superseded = [one for issue in issued for one in issue.superseded]
    assert len(superseded) == len(set(superseded)) == 19
    states = await rows(ledger, "SELECT state, count(*) FROM callbacks GROUP BY state ORDER BY state")
    assert states == [("open", 1), ("revoked", 19)]


async def test_the_last_one_issued_is_superseded_whatever_came_before_it(ledger: Ledger) -> None:
    target = callback().target
    for _ in range(3):
        await deliver_one(ledger, await open_callback(ledger, target=target), event(os.urandom(4).hex()))
    waiting = await open_callback(ledger, target=target)
    assert (await issue(ledger, callback(target=target))).superseded == (waiting.id,)


async def test_claims_too_long_for_a_token_are_not_written(ledger: Ledger) -> None:
    with pytest.raises(Invalid, match="too long"):
        await issue(ledger, callback(rules=Rules(tuple(f"{n}" * 200 for n in range(10, 60)))))
    assert await rows(ledger, "SELECT count(*) FROM callbacks") == [(0,)]


async def test_closing_and_revoking_an_open_callback(ledger: Ledger) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    assert await close(ledger, first) == "closed"
    assert await revoke(ledger, second) == "revoked"
    assert (await state_of(ledger, first), await state_of(ledger, second)) == ("closed", "revoked")


async def test_closing_what_is_over_tells_how(ledger: Ledger) -> None:
    closed, revoked, expired = [await open_callback(ledger) for _ in range(3)]
    await close(ledger, closed)
    await revoke(ledger, revoked)
    await deliver_one(ledger, expired, event(), at=NOW + 4000)
    assert [await close(ledger, one) for one in (closed, revoked, expired)] == [
        "closed",
        "revoked",
        "expired",
    ]


@pytest.mark.parametrize("kind", ["payment.succeeded", "payment.failed"])
async def test_closing_after_an_event_has_won_is_told_to_wait(ledger: Ledger, kind: str) -> None:
    won = await open_callback(ledger)
    disposed = await deliver_one(ledger, won, event(kind=kind))
    for _ in range(2):
        with pytest.raises(Completing) as caught:
            await close(ledger, won)
        assert (caught.value.status, caught.value.code) == (409, "completing")
        assert disposed.owed is not None
        # And just so once Restate has taken it.
        await ledger.write(owing.accepted([disposed.owed]), within=10)


async def test_closing_where_restate_will_never_take_the_event_succeeds(ledger: Ledger) -> None:
    # Its value is not on its way: a service that went on waiting would wait for ever.
    won = await open_callback(ledger)
    disposed = await deliver_one(ledger, won, event())
    assert disposed.owed is not None
    await ledger.write(owing.refused(disposed.owed, "HTTP 400", None), within=10)
    assert await close(ledger, won) == "closed"
    assert await state_of(ledger, won) == "closed"


async def test_closing_while_restate_is_asked_again_is_told_to_wait(ledger: Ledger) -> None:
    won = await open_callback(ledger)
    disposed = await deliver_one(ledger, won, event())
    assert disposed.owed is not None
    await ledger.write(owing.refused(disposed.owed, "HTTP 404", NOW + 60), within=10)
    with pytest.raises(Completing):
        await close(ledger, won)


async def test_revoking_does_not_undo_what_an_event_won(ledger: Ledger) -> None:
    won = await open_callback(ledger)
    await deliver_one(ledger, won, event())
    assert await revoke(ledger, won) == "completed"


async def test_another_clients_callback_does_not_exist(ledger: Ledger) -> None:
    mine = await open_callback(ledger)
    for operation in (
        issuing.close(mine.id, "other", NOW),
        issuing.revoke(mine.id, "other", NOW),
        issuing.get(mine.id, "other"),
        issuing.close("cb_00000000000000000000000000", "shop", NOW),
    ):
        with pytest.raises(NotFound, match="no callback with this id, or it is another client's"):
            await ledger.write(operation, within=10)
    assert await state_of(ledger, mine) == "open"


async def test_a_stream_is_closed_after_progress(ledger: Ledger) -> None:
    stream = await open_callback(ledger, target=STREAM)
    await deliver_one(ledger, stream, event(kind="payment.pending"))
    assert await close(ledger, stream) == "closed"
    assert (await deliver_one(ledger, stream, event("evt_2"))).outcome == "late"


def _who_won(closing: State | GatewayError, disposed: Disposed) -> str:
    if isinstance(closing, Completing) and disposed.outcome is Outcome.PENDING:
        assert disposed.owed is not None
        return "event"
    assert (closing, disposed.outcome, disposed.owed) == (State.CLOSED, Outcome.LATE, None)
    return "close"


async def _caught(work: Coroutine[Any, Any, State]) -> State | GatewayError:
    try:
        return await work
    except GatewayError as error:
        return error


async def test_of_closing_and_completing_at_once_exactly_one_wins(ledger: Ledger) -> None:
    bits = random.Random(1)
    winners = []
    for number in range(200):
        raced = await open_callback(ledger)
        closing = _caught(close(ledger, raced))
        completing = deliver_one(ledger, raced, event(f"evt_{number}"))
        if bits.random() < 0.5:
            state, disposed = await asyncio.gather(closing, completing)
        else:
            disposed, state = await asyncio.gather(completing, closing)
        winners.append(_who_won(state, disposed))
        assert await effects(ledger, raced) == (winners[-1] == "event")
    assert set(winners) == {"close", "event"}


async def test_a_reference_names_one_callback(ledger: Ledger) -> None:
    first = await open_callback(ledger)
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        await open_callback(ledger, reference=first.reference)


async def test_a_page_is_the_clients_own_newest_first(ledger: Ledger) -> None:
    made = [await open_callback(ledger, label=f"{number % 2}") for number in range(6)]
    await open_callback(ledger, client="other")
    await close(ledger, made[0])
    newest = sorted((one.id for one in made), reverse=True)

    async def page(
        state: State | None = None, label: str | None = None, after: str = "", limit: int = 9
    ) -> list[str]:
        found = await ledger.read(issuing.listing("shop", state, None, label, after, limit))
        return [one.id for one in found]

    assert await page() == newest
    assert await page(limit=2) + await page(after=newest[1]) == newest
    assert await page(State.CLOSED) == [made[0].id]
    assert set(await page(label="1")) == {one.id for one in made[1::2]}
