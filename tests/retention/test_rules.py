"""What is dropped and what is kept, by what it is; on both stores."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway import ids
from gateway.ledger import Ledger, issuing, owing
from gateway.ledger.records import Disposed
from gateway.ledger.retention import Swept, keep_sweeping, sweep
from gateway.settings import Ledger as Retention
from tests.core.samples import NOW
from tests.ledger.samples import RULES, deliver, deliver_one, event, open_callback, rows
from tests.retention.filling import DAY, KEEP

NONE_KEPT = KEEP.model_copy(update={"keep_bodies": timedelta(0)})


async def swept(ledger: Ledger, days: float, keep: Retention = KEEP) -> Swept:
    """Sweep as of some days later, until nothing is due."""
    total = Swept()
    while (found := await sweep(ledger, keep, NOW + days * DAY)).any:
        total = replace(
            total, bodies=total.bodies + found.bodies, unclaimed=total.unclaimed + found.unclaimed
        )
    return total


async def noted(ledger: Ledger, *disposed: Disposed) -> None:
    """Note that Restate has taken what is owed."""
    await ledger.write(owing.accepted([one.owed for one in disposed if one.owed]), within=10)


async def kept(ledger: Ledger) -> list[str]:
    """What is left of each delivery: its body, its events' data."""
    bodies = await rows(ledger, "SELECT 'body' FROM deliveries WHERE body IS NOT NULL")
    data = await rows(ledger, "SELECT 'data' FROM events WHERE data IS NOT NULL")
    return [row[0] for row in bodies + data]


async def test_with_keep_bodies_0_a_body_is_kept_only_while_it_is_pending(either: Ledger) -> None:
    first, second = await open_callback(either), await open_callback(either)
    done = await deliver_one(either, first, event("evt_1"))
    await deliver_one(either, second, event("evt_2"))
    await noted(either, done)
    await swept(either, 0.001, NONE_KEPT)
    left = await rows(either, "SELECT callback_id FROM deliveries WHERE body IS NOT NULL")
    assert left == [(second.id,)]
    (owed,) = await either.write(owing.take(NOW + 1000, 10), within=10)
    assert owed.data == event("evt_2").data


async def test_an_event_that_waits_for_an_alias_has_a_time_of_its_own(either: Ledger) -> None:
    waiting = await open_callback(either, expires_at=int(NOW + 2 * DAY))
    await deliver_one(either, None, event(objects=("pi_1",)))
    await swept(either, 0.9, NONE_KEPT)
    alias = issuing.alias(waiting.id, "shop", "pi_1", NOW, lambda _: RULES)
    (matched,) = await either.write(alias, within=10)
    assert matched.owed is not None
    await swept(either, 1.1, NONE_KEPT)
    # What the alias made of it is owed: its body stays until Restate has it.
    assert await kept(either) == ["body"]
    await noted(either, matched)
    await swept(either, 1.1, NONE_KEPT)
    assert await kept(either) == []


@pytest.mark.parametrize("objects", [("pi_1", "ch_1"), ()], ids=["with objects", "without objects"])
async def test_an_unclaimed_event_loses_its_body_after_keep_unmatched(
    either: Ledger, objects: tuple[str, ...]
) -> None:
    await deliver_one(either, None, event(objects=objects))
    assert (await swept(either, 0.9)).unclaimed == 0
    assert await kept(either) == ["body"]
    assert (await swept(either, 1.1)).unclaimed == 1
    assert await kept(either) == []
    assert await rows(either, "SELECT count(*) FROM parked") == [(0,)]
    # That it came stays in sight.
    assert await rows(either, "SELECT outcome FROM events") == [("unmatched",)]


async def test_a_batch_keeps_its_body_as_long_as_one_of_its_events_wants(either: Ledger) -> None:
    waiting = await open_callback(either)
    await either.write(issuing.alias(waiting.id, "shop", "pi_1", NOW, lambda _: RULES), within=10)
    disposed = await deliver(
        either,
        None,
        event("evt_1", objects=("pi_1",)),
        event("evt_2", objects=("pi_2",)),
        event("evt_3", "of.no.interest"),
    )
    assert [one.outcome for one in disposed] == ["pending", "unmatched", "filtered"]
    assert await kept(either) == ["body", "data", "data"]
    await noted(either, *disposed)
    await swept(either, 6.9)
    assert await kept(either) == ["body", "data", "data"]
    await swept(either, 7.1)
    assert await kept(either) == []


async def test_account_traffic_that_no_rule_names_keeps_no_body_at_all(either: Ledger) -> None:
    await deliver(either, None, event("evt_1", "of.no.interest"), event("evt_2", "of.none.either"))
    assert await kept(either) == []
    assert await rows(either, "SELECT count(*) FROM events") == [(2,)]


async def test_headers_and_query_go_with_the_body(either: Ledger) -> None:
    waiting = await open_callback(either)
    await noted(either, await deliver_one(either, waiting, event()))
    await either.write(lambda tx: tx.run("UPDATE deliveries SET query = 'sig=1'", {}), within=10)
    await swept(either, 7.1)
    assert await rows(either, "SELECT headers, query, body FROM deliveries") == [("[]", "", None)]


async def test_a_refused_delivery_ages_like_any_other(either: Ledger) -> None:
    row = {
        "id": ids.first_id("dl", NOW),
        "source": "acmepay",
        "callback_id": None,
        "received_at": int(NOW * 1000),
        "method": "POST",
        "query": "",
        "headers": "[]",
        "body": b"forged",
        "secret": "",
        "outcome": "unverified",
        "reason": "the signature does not match",
        "eventless": True,
    }
    await either.write(lambda tx: tx.insert("deliveries", row), within=10)
    await swept(either, 6.9)
    assert await kept(either) == ["body"]
    await swept(either, 7.1)
    assert await kept(either) == []
    await swept(either, 59.9)
    assert await rows(either, "SELECT count(*) FROM deliveries") == [(1,)]
    await swept(either, 60.1)
    assert await rows(either, "SELECT count(*) FROM deliveries") == [(0,)]


async def test_rows_leave_nothing_behind(either: Ledger) -> None:
    waiting = await open_callback(either)
    await either.write(issuing.alias(waiting.id, "shop", "pi_1", NOW, lambda _: RULES), within=10)
    await noted(either, await deliver_one(either, waiting, event()))
    await deliver_one(either, None, event("evt_2", objects=("pi_2",)))
    await swept(either, 61)
    for table in ("callbacks", "deliveries", "events", "aliases", "parked"):
        assert await rows(either, f"SELECT count(*) FROM {table}") == [(0,)], table


async def test_a_running_gateway_sweeps_until_nothing_is_due(either: Ledger) -> None:
    for number in range(120):  # more than a batch
        await deliver_one(either, None, event(f"evt_{number}", objects=(f"pi_{number}",)))
    sweeping = asyncio.create_task(keep_sweeping(either, KEEP, lambda: NOW + 61 * DAY))
    try:
        left = 120
        async with asyncio.timeout(20):
            while left:
                await asyncio.sleep(0.05)
                ((left,),) = await rows(either, "SELECT count(*) FROM deliveries")
        assert not sweeping.done()
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
    assert await rows(either, "SELECT count(*) FROM parked") == [(0,)]
