"""What becomes of events: identity, effect, and everything that is a repeat, late or a captured one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.ledger import Ledger, issuing, owing
from gateway.outcome import Outcome
from gateway.rules import Rules
from tests.core.samples import NOW
from tests.ledger.samples import (
    RULES,
    STREAM,
    callback,
    deliver,
    deliver_one,
    effects,
    event,
    issue,
    open_callback,
    rows,
    state_of,
)

FAILED = "payment.failed"
PENDING = "payment.pending"


async def dead(ledger: Ledger, *args: Any) -> None:
    """Deliver an event that Restate then refuses for good."""
    disposed = await deliver_one(ledger, *args)
    assert disposed.owed is not None
    await ledger.write(owing.refused(disposed.owed, "HTTP 400", None), within=10)


@pytest.mark.parametrize(("kind", "state"), [("payment.succeeded", "completed"), (FAILED, "failed")])
async def test_the_first_final_event_takes_effect(ledger: Ledger, kind: str, state: str) -> None:
    waiting = await open_callback(ledger)
    disposed = await deliver_one(ledger, waiting, event(kind=kind))
    assert disposed.outcome is Outcome.PENDING
    assert disposed.owed is not None
    assert (disposed.owed.callback.id, disposed.owed.event_id) == (waiting.id, "evt_1")
    assert await state_of(ledger, waiting) == state
    assert await effects(ledger, waiting) == 1


async def test_an_event_that_no_rule_names_is_filtered_and_leaves_the_callback_open(
    ledger: Ledger,
) -> None:
    waiting = await open_callback(ledger)
    assert (await deliver_one(ledger, waiting, event(kind=PENDING))).outcome == "filtered"
    assert await state_of(ledger, waiting) == "open"
    # It was no effect: the same event could still gain one, under other rules say.
    assert (await deliver_one(ledger, waiting, event("evt_2"))).outcome == "pending"


async def test_a_callbacks_own_rules_replace_the_sources(ledger: Ledger) -> None:
    waiting = await open_callback(ledger, rules=Rules((PENDING,), ("payment.*",)))
    assert (await deliver_one(ledger, waiting, event(kind=PENDING))).outcome == "pending"
    assert await state_of(ledger, waiting) == "completed"
    other = await open_callback(ledger, rules=Rules((PENDING,), ("payment.*",)))
    await deliver_one(ledger, other, event("evt_2"))
    assert await state_of(ledger, other) == "failed"


async def test_the_same_delivery_again_is_a_duplicate_without_a_conflict(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await deliver_one(ledger, waiting, event())
    again = await deliver_one(ledger, waiting, event())
    assert (again.outcome, again.conflict, again.contradicts, again.owed) == ("duplicate", False, False, None)
    assert await effects(ledger, waiting) == 1


async def test_the_same_event_with_another_body_is_a_conflict_and_the_first_stays(
    ledger: Ledger,
) -> None:
    waiting = await open_callback(ledger)
    first = event()
    await deliver_one(ledger, waiting, first)
    again = await deliver_one(ledger, waiting, event(data=b'{"other":1}'))
    assert (again.outcome, again.conflict) == ("duplicate", True)
    (owed,) = await ledger.write(owing.take(NOW + 60, 10), within=10)
    assert owed.data == first.data


@pytest.mark.parametrize(
    ("first", "second", "contradicts"),
    [
        ("payment.succeeded", "payment.succeeded", False),
        (FAILED, FAILED, False),
        ("payment.succeeded", FAILED, True),
        (FAILED, "payment.succeeded", True),
    ],
)
async def test_a_second_final_event_is_a_conflict_and_may_contradict(
    ledger: Ledger, first: str, second: str, contradicts: bool
) -> None:
    waiting = await open_callback(ledger)
    await deliver_one(ledger, waiting, event("evt_1", first))
    again = await deliver_one(ledger, waiting, event("evt_2", second))
    assert (again.outcome, again.conflict, again.contradicts) == ("duplicate", True, contradicts)
    assert await rows(ledger, "SELECT conflict, contradicts FROM events ORDER BY id") == [
        (0, 0),
        (1, contradicts),
    ]


async def test_fifty_same_deliveries_at_once_have_one_effect(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    disposed = await asyncio.gather(*(deliver_one(ledger, waiting, event()) for _ in range(50)))
    outcomes = [one.outcome for one in disposed]
    assert (outcomes.count(Outcome.PENDING), outcomes.count(Outcome.DUPLICATE)) == (1, 49)
    assert sum(one.owed is not None for one in disposed) == 1
    assert not any(one.conflict for one in disposed)
    assert await effects(ledger, waiting) == 1
    assert await rows(ledger, "SELECT count(*) FROM deliveries") == [(50,)]


async def test_fifty_different_final_events_at_once_have_one_effect(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    disposed = await asyncio.gather(*(deliver_one(ledger, waiting, event(f"evt_{n}")) for n in range(50)))
    outcomes = [one.outcome for one in disposed]
    assert (outcomes.count(Outcome.PENDING), outcomes.count(Outcome.DUPLICATE)) == (1, 49)
    assert sum(one.conflict for one in disposed) == 49
    assert await effects(ledger, waiting) == 1


@pytest.mark.parametrize(
    ("at", "outcome"),
    [(NOW + 3599, "pending"), (NOW + 3600, "pending"), (NOW + 3600.5, "expired"), (NOW + 3601, "expired")],
)
async def test_expiry_is_judged_at_receipt(ledger: Ledger, at: float, outcome: str) -> None:
    waiting = await open_callback(ledger)
    disposed = await deliver_one(ledger, waiting, event(), at=at)
    assert disposed.outcome == outcome
    assert await state_of(ledger, waiting) == ("expired" if outcome == "expired" else "completed")
    # It is kept in sight.
    assert await rows(ledger, "SELECT outcome FROM events WHERE callback_id = :id", id=waiting.id) == [
        (outcome,)
    ]


async def test_an_expired_callback_stays_expired_whatever_the_clock_does(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await deliver_one(ledger, waiting, event("evt_1"), at=NOW + 4000)
    assert (await deliver_one(ledger, waiting, event("evt_2"), at=NOW)).outcome == "expired"


async def test_what_comes_for_a_closed_callback_is_late_and_for_a_revoked_one_revoked(
    ledger: Ledger,
) -> None:
    closed, revoked = await open_callback(ledger), await open_callback(ledger)
    await ledger.write(issuing.close(closed.id, "shop", NOW), within=10)
    await ledger.write(issuing.revoke(revoked.id, "shop", NOW), within=10)
    for kind in ("payment.succeeded", FAILED, PENDING):
        assert (await deliver_one(ledger, closed, event(f"a-{kind}", kind))).outcome == "late"
        assert (await deliver_one(ledger, revoked, event(f"b-{kind}", kind))).outcome == "revoked"
    assert await effects(ledger, closed) == await effects(ledger, revoked) == 0


# Captured deliveries: whoever saw the delivery of payment 1 sends it to the URL of payment 2.


async def test_a_delivery_captured_on_one_url_completes_no_other(ledger: Ledger) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    await deliver_one(ledger, first, event())
    captured = await deliver_one(ledger, second, event())
    assert (captured.outcome, captured.conflict, captured.owed) == ("duplicate", True, None)
    assert await state_of(ledger, second) == "open"
    # Its own event still completes it.
    assert (await deliver_one(ledger, second, event("evt_2"))).outcome == "pending"


async def test_a_captured_delivery_is_refused_after_the_first_callback_is_long_over(
    ledger: Ledger,
) -> None:
    first = await open_callback(ledger)
    disposed = await deliver_one(ledger, first, event())
    assert disposed.owed is not None
    await ledger.write(owing.accepted([disposed.owed]), within=10)
    second = await open_callback(ledger)
    assert (await deliver_one(ledger, second, event(), at=NOW + 3000)).conflict


async def test_where_the_id_is_not_covered_the_content_is_known_again(ledger: Ledger) -> None:
    # GitHub and others carry the id in a header that is not signed: whoever replays sets another one.
    first, second = await open_callback(ledger), await open_callback(ledger)
    seen = event("header-1", data=b'{"x":1}', id_covered=False)
    await deliver_one(ledger, first, seen)
    forged = replace(seen, id="header-2")
    again = await deliver_one(ledger, first, forged)
    assert (again.outcome, again.conflict) == ("duplicate", False)
    elsewhere = await deliver_one(ledger, second, forged)
    assert (elsewhere.outcome, elsewhere.conflict) == ("duplicate", True)
    assert await state_of(ledger, second) == "open"


async def test_where_the_id_is_covered_two_events_may_say_the_same(ledger: Ledger) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    same = event("evt_1", data=b'{"x":1}')
    assert (await deliver_one(ledger, first, same)).outcome == "pending"
    assert (await deliver_one(ledger, second, replace(same, id="evt_2"))).outcome == "pending"


async def test_an_uncovered_id_that_another_callbacks_event_had_hides_no_repeat(ledger: Ledger) -> None:
    # On the account's URL an event may be for several callbacks, so effects elsewhere do not count there;
    # the content's effect here still does.
    here = await open_callback(ledger, target=STREAM)
    there = await open_callback(ledger)
    captured = event("id-1", PENDING, data=b'{"to":"here"}', id_covered=False, references=(here.reference,))
    other = event("id-2", data=b'{"to":"there"}', id_covered=False, references=(there.reference,))
    assert (await deliver_one(ledger, None, captured)).outcome == "pending"
    assert (await deliver_one(ledger, None, other)).outcome == "pending"
    replayed = await deliver_one(ledger, None, replace(captured, id="id-2"))
    assert replayed.outcome == "duplicate"
    assert await effects(ledger, here) == 1


async def test_without_an_id_the_covered_content_is_the_identity(ledger: Ledger) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    nameless = event(None, data=b'{"x":1}')
    assert (await deliver_one(ledger, first, nameless)).outcome == "pending"
    again = await deliver_one(ledger, first, nameless)
    assert (again.outcome, again.conflict) == ("duplicate", False)
    assert (await deliver_one(ledger, second, nameless)).conflict


async def test_where_nothing_is_covered_every_delivery_is_its_own_event(ledger: Ledger) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    bare = event(None, data=b'{"x":1}', digest=None, id_covered=False)
    assert (await deliver_one(ledger, first, bare)).outcome == "pending"
    assert (await deliver_one(ledger, second, bare)).outcome == "pending"
    # The first callback is over all the same; the same content is no conflict.
    again = await deliver_one(ledger, first, bare)
    assert (again.outcome, again.conflict) == ("duplicate", False)


async def test_an_event_id_is_its_sources_own(ledger: Ledger) -> None:
    first = await open_callback(ledger)
    second = await open_callback(ledger, source="other")
    assert (await deliver_one(ledger, first, event())).outcome == "pending"
    (disposed,) = await deliver(ledger, second, event(), source="other")
    assert disposed.outcome == "pending"


@pytest.mark.parametrize("before", ["filtered", "dead", "late", "expired"])
async def test_what_was_no_effect_can_still_gain_one(ledger: Ledger, before: str) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    what = event()
    if before == "filtered":
        first = await open_callback(ledger, rules=Rules(("something.else",)))
        await deliver_one(ledger, first, what)
    elif before == "dead":
        await dead(ledger, first, what)
    elif before == "late":
        await ledger.write(issuing.close(first.id, "shop", NOW), within=10)
        await deliver_one(ledger, first, what)
    else:
        await deliver_one(ledger, first, what, NOW + 4000)
    assert await rows(ledger, "SELECT outcome FROM events") == [(before,)]
    assert (await deliver_one(ledger, second, what)).outcome == "pending"


# An account's one URL.


async def test_an_event_is_for_every_open_callback_that_its_reference_names(ledger: Ledger) -> None:
    first, second, third = [await open_callback(ledger) for _ in range(3)]
    both = event(references=(first.reference, "no-such-reference", second.reference, first.reference))
    disposed = await deliver(ledger, None, both)
    assert {one.callback_id for one in disposed} == {first.id, second.id}
    assert [one.outcome for one in disposed] == ["pending", "pending"]
    assert await state_of(ledger, third) == "open"
    assert [one.outcome for one in await deliver(ledger, None, both)] == ["duplicate", "duplicate"]


async def test_a_reference_of_another_source_names_nothing(ledger: Ledger) -> None:
    theirs = await open_callback(ledger, source="other")
    disposed = await deliver_one(ledger, None, event(references=(theirs.reference,)))
    assert (disposed.outcome, disposed.callback_id) == ("unmatched", None)
    assert await state_of(ledger, theirs) == "open"


async def test_what_names_no_callback_is_kept_as_unmatched_or_filtered(ledger: Ledger) -> None:
    assert (await deliver_one(ledger, None, event())).outcome == "unmatched"
    assert (await deliver_one(ledger, None, event("evt_2", PENDING))).outcome == "filtered"
    assert await rows(ledger, "SELECT outcome, callback_id FROM events ORDER BY id") == [
        ("unmatched", None),
        ("filtered", None),
    ]


async def test_an_alias_names_a_callback(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await ledger.write(issuing.alias(waiting.id, "shop", "pi_1", NOW, lambda _: RULES), within=10)
    disposed = await deliver_one(ledger, None, event(objects=("pi_1", "ch_1")))
    assert (disposed.outcome, disposed.callback_id) == ("pending", waiting.id)


@pytest.mark.parametrize("kind", ["payment.succeeded", FAILED])
async def test_an_event_that_came_before_its_alias_is_matched_then(ledger: Ledger, kind: str) -> None:
    waiting = await open_callback(ledger)
    early = event(kind=kind, objects=("pi_1", "ch_1"))
    assert (await deliver_one(ledger, None, early)).outcome == "unmatched"
    add = issuing.alias(waiting.id, "shop", "pi_1", NOW, lambda _: RULES)
    (matched,) = await ledger.write(add, within=10)
    assert (matched.outcome, matched.callback_id) == ("pending", waiting.id)
    assert matched.owed is not None
    assert matched.owed.data == early.data
    # Once, and the provider's repeat is a duplicate.
    assert await ledger.write(add, within=10) == []
    assert (await deliver_one(ledger, None, early)).outcome == "duplicate"
    assert await effects(ledger, waiting) == 1


async def test_alias_and_event_at_once_meet_in_either_order(ledger: Ledger) -> None:
    for number in range(50):
        waiting = await open_callback(ledger)
        work = [
            ledger.write(issuing.alias(waiting.id, "shop", f"pi_{number}", NOW, lambda _: RULES), within=10),
            deliver(ledger, None, event(f"evt_{number}", objects=(f"pi_{number}",))),
        ]
        await asyncio.gather(*(work if number % 2 else reversed(work)))
        assert await effects(ledger, waiting) == 1


# Batches, streams, adoption.


async def test_each_item_of_a_batch_is_disposed_of_on_its_own(ledger: Ledger) -> None:
    first, second = await open_callback(ledger), await open_callback(ledger)
    disposed = await deliver(
        ledger,
        None,
        event("evt_1", references=(first.reference,)),
        event("evt_2", references=("nobody",)),
        event("evt_3", FAILED, references=(second.reference,)),
        event("evt_1", references=(first.reference,)),
    )
    assert [one.outcome for one in disposed] == ["pending", "unmatched", "pending", "duplicate"]
    assert (await state_of(ledger, first), await state_of(ledger, second)) == ("completed", "failed")
    owed = await ledger.write(owing.take(NOW + 60, 10), within=10)
    # Each gets its own item, not the whole body.
    assert [json.loads(one.data)["id"] for one in owed] == ["evt_1", "evt_3"]


async def test_a_streams_events_are_numbered_and_end_with_the_final_one(ledger: Ledger) -> None:
    stream = await open_callback(ledger, target=STREAM)
    kinds = [PENDING, "payment.checked", PENDING, "payment.succeeded"]
    disposed = [await deliver_one(ledger, stream, event(f"evt_{n}", kind)) for n, kind in enumerate(kinds)]
    assert [one.owed.sequence for one in disposed if one.owed] == [1, 2, 3, 4]
    # All but the first wait for their turn.
    assert [one.owed.waits for one in disposed if one.owed] == [False, True, True, True]
    assert await state_of(ledger, stream) == "completed"
    assert (await deliver_one(ledger, stream, event("evt_9", PENDING))).outcome == "filtered"
    repeated = await deliver_one(ledger, stream, event("evt_1", "payment.checked"))
    assert (repeated.outcome, repeated.owed) == ("duplicate", None)


async def test_fifty_events_of_a_stream_at_once_get_fifty_numbers(ledger: Ledger) -> None:
    stream = await open_callback(ledger, target=STREAM)
    disposed = await asyncio.gather(
        *(deliver_one(ledger, stream, event(f"evt_{n}", PENDING)) for n in range(50))
    )
    assert sorted(one.owed.sequence or 0 for one in disposed if one.owed) == list(range(1, 51))


async def test_streams_are_numbered_apart(ledger: Ledger) -> None:
    streams = [await open_callback(ledger, target=STREAM, label=label) for label in "ab"]
    found = [
        await deliver_one(ledger, one, event(f"{one.label}{n}", PENDING)) for one in streams for n in range(2)
    ]
    assert [one.owed.sequence for one in found if one.owed] == [1, 2, 1, 2]


async def test_a_token_without_a_row_is_adopted(ledger: Ledger) -> None:
    lost = callback(rules=Rules(("a",), ("b",)), label="order-1", metadata={"x": 1})
    disposed = await deliver_one(ledger, lost, event(kind="a"))
    assert (disposed.outcome, disposed.adopted) == ("pending", True)
    found = await ledger.read(issuing.find(lost.id))
    assert found is not None
    assert (found.adopted, found.state, found.claims) == (True, "completed", lost.claims)
    # Known from then on.
    again = await deliver_one(ledger, lost, event(kind="a"))
    assert (again.outcome, again.adopted) == ("duplicate", True)
    assert await effects(ledger, lost) == 1


async def test_fifty_deliveries_adopt_a_token_once(ledger: Ledger) -> None:
    lost = callback()
    disposed = await asyncio.gather(*(deliver_one(ledger, lost, event()) for _ in range(50)))
    assert sum(one.owed is not None for one in disposed) == 1
    assert await rows(ledger, "SELECT count(*) FROM callbacks") == [(1,)]


async def test_an_adopted_token_that_has_expired_is_expired(ledger: Ledger) -> None:
    disposed = await deliver_one(ledger, callback(), event(), at=NOW + 4000)
    assert (disposed.outcome, disposed.adopted, disposed.owed) == ("expired", True, None)


async def test_adopting_supersedes_nothing(ledger: Ledger) -> None:
    newer = await open_callback(ledger)
    await deliver_one(ledger, callback(target=newer.target), event())
    assert await state_of(ledger, newer) == "open"


async def test_its_client_sees_what_came(ledger: Ledger) -> None:
    waiting = (await issue(ledger, callback())).callback
    await deliver_one(ledger, waiting, event("evt_1", PENDING))
    await deliver_one(ledger, waiting, event("evt_2"))
    found, events = await ledger.read(issuing.get(waiting.id, "shop"))
    assert found.state == "completed"
    assert [(one["event_id"], one["outcome"]) for one in events] == [
        ("evt_1", "filtered"),
        ("evt_2", "pending"),
    ]
