"""What the ledger forgets, and that it never forgets what it owes or what knows a repeat."""

from __future__ import annotations

from datetime import timedelta

from gateway.ledger import Ledger, issuing, owing
from gateway.ledger.records import Disposed
from gateway.ledger.retention import Swept, sweep
from gateway.settings import Ledger as Retention
from tests.core.samples import NOW
from tests.ledger.samples import RULES, deliver_one, event, open_callback, rows, state_of

KEEP = Retention(
    keep_bodies=timedelta(days=7), keep_rows=timedelta(days=60), keep_unmatched=timedelta(hours=24)
)
DAY = 86_400.0


async def swept(ledger: Ledger, days: float) -> Swept:
    """Sweep as of some days later."""
    return await sweep(ledger, KEEP, NOW + days * DAY)


async def noted(ledger: Ledger, disposed: Disposed) -> None:
    """Note that Restate has taken an effect."""
    assert disposed.owed is not None
    await ledger.write(owing.accepted([disposed.owed]), within=10)


async def bodies(ledger: Ledger) -> int:
    """How many deliveries still have their bodies."""
    return int((await rows(ledger, "SELECT count(body) FROM deliveries"))[0][0])


async def test_a_body_goes_after_a_week_and_its_row_still_knows_the_repeat(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await noted(ledger, await deliver_one(ledger, waiting, event()))
    await swept(ledger, 6.9)
    assert await bodies(ledger) == 1
    assert (await swept(ledger, 7.1)).bodies == 1
    assert await bodies(ledger) == 0
    again = await deliver_one(ledger, waiting, event())
    assert (again.outcome, again.conflict) == ("duplicate", False)


async def test_rows_go_when_no_provider_repeats_any_more(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await noted(ledger, await deliver_one(ledger, waiting, event()))
    await swept(ledger, 59.9)
    assert await rows(ledger, "SELECT count(*) FROM events") == [(1,)]
    await swept(ledger, 60.1)
    assert await rows(ledger, "SELECT count(*) FROM events") == [(0,)]
    assert await ledger.read(issuing.find(waiting.id)) is None


async def test_what_is_owed_is_never_forgotten(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    owed = event()
    await deliver_one(ledger, waiting, owed)
    await swept(ledger, 1000)
    (kept,) = await ledger.write(owing.take(NOW + 1000 * DAY, 10), within=10)
    assert kept.data == owed.data
    assert await ledger.read(issuing.find(waiting.id)) is not None


async def test_an_unmatched_body_goes_after_a_day_and_no_alias_finds_it_then(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    await deliver_one(ledger, None, event(objects=("pi_1",)))
    await swept(ledger, 0.9)
    assert await bodies(ledger) == 1
    await swept(ledger, 1.1)
    assert await bodies(ledger) == 0
    matched = await ledger.write(issuing.alias(waiting.id, "shop", "pi_1", NOW, lambda _: RULES), within=10)
    assert matched == []


async def test_an_open_callback_whose_time_is_over_is_expired_and_others_are_not(
    ledger: Ledger,
) -> None:
    over = await open_callback(ledger)
    still = await open_callback(ledger, expires_at=int(NOW + 2 * DAY))
    assert (await swept(ledger, 1)).expired == 1
    assert (await state_of(ledger, over), await state_of(ledger, still)) == ("expired", "open")


async def test_an_open_callback_is_kept_however_old_it_is(ledger: Ledger) -> None:
    old = await open_callback(ledger, expires_at=int(NOW + 1000 * DAY))
    await swept(ledger, 900)
    assert await state_of(ledger, old) == "open"
