"""Forgetting a callback: its data is in none of the files, a repeat takes no effect, others keep theirs."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Conflict, NotFound
from gateway.ledger import Ledger, deliveries, disposing, issuing, owing
from gateway.ledger.deliveries import Search, Viewer
from gateway.ledger.forgetting import Forgotten, forget, overwrite
from gateway.ledger.records import Callback, Disposed
from gateway.ledger.retention import sweep
from gateway.ledger.sqlite import SqliteLedger
from gateway.targets import Handler, WorkflowPromise
from tests.core.samples import NOW
from tests.ledger.samples import (
    RULES,
    deliver,
    deliver_one,
    event,
    issue,
    new_reference,
    open_callback,
    proposal,
    rows,
    state_of,
)
from tests.ledger.samples import callback as new_callback
from tests.retention.filling import DAY, KEEP


async def noted(ledger: Ledger, *disposed: Disposed) -> None:
    """Note that Restate has taken what is owed."""
    await ledger.write(owing.accepted([one.owed for one in disposed if one.owed]), within=10)


async def forgotten(ledger: Ledger, callback: Callback, now: float = NOW) -> Forgotten:
    """Forget a callback."""
    return await ledger.write(forget(callback.id, "shop", now), within=10)


async def named(ledger: Ledger, callback: Callback, text: str) -> list[Disposed]:
    """Give a callback an alias."""
    return await ledger.write(issuing.alias(callback.id, "shop", text, NOW, lambda _: RULES), within=10)


def found(path: Path, texts: list[bytes]) -> dict[bytes, list[str]]:
    """In which of a ledger's files which texts stand."""
    files = {
        file.name: file.read_bytes() for file in path.parent.iterdir() if file.name.startswith(path.name)
    }
    assert path.name in files
    hits = {text: [name for name, content in files.items() if text in content] for text in texts}
    return {text: names for text, names in hits.items() if names}


class Marks:
    """Texts that stand nowhere else, each in as many bytes as it is asked for."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.made: list[bytes] = []

    def __call__(self, size: int = 24) -> str:
        mark = self._random.randbytes(12).hex()
        self.made.append(mark.encode())
        # Repeated, so that whatever part of a page is left over shows it.
        return (mark * (size // 24 + 1))[:size]

    def event(self, event_id: str, *, large: bool) -> bytes:
        """A body of a few hundred bytes, or one that needs pages of its own."""
        return b'{"id":"%b","who":"%b"}' % (
            event_id.encode(),
            self(self._random.randint(5_000, 40_000) if large else 300).encode(),
        )


async def _with_everything(ledger: SqliteLedger, marks: Marks, number: int) -> Callback:
    """A callback with data in every place that has room for some."""
    waiting = new_callback(
        label=marks(),
        metadata={"customer": marks()},
        approval={"title": marks(), "fields": {"who": marks(600)}},
        target=WorkflowPromise("Orders", marks(), "paid"),
    )
    await issue(ledger, waiting)
    await named(ledger, waiting, marks())
    alias = marks()
    kept = replace(
        proposal(
            waiting,
            event(f"evt_{number}", data=marks.event(f"evt_{number}", large=number % 3 == 0), reason=marks()),
        ),
        kept_headers=[("signature", marks())],
    )
    kept = replace(kept, delivery=replace(kept.delivery, url=f"{kept.delivery.url}?q={marks()}"))
    await noted(ledger, *await ledger.write(disposing.record(kept, new_reference), within=10))
    # It came before its alias, and one item of a batch.
    await deliver_one(
        ledger,
        None,
        event(f"evt_{number}_late", data=marks.event("late", large=False), objects=(alias,), reason=marks()),
    )
    await noted(ledger, *await named(ledger, waiting, alias))
    await noted(
        ledger,
        *await deliver(
            ledger,
            None,
            *(
                event(f"evt_{number}_{part}", data=marks.event("part", large=False), objects=(alias,))
                for part in range(2)
            ),
        ),
    )
    return waiting


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_forgotten_stands_in_none_of_the_files(
    ledger: SqliteLedger, path: Path, seed: int
) -> None:
    theirs, others = Marks(seed), Marks(seed + 100)
    callbacks = []
    for number in range(24):
        chosen = number % 4 == seed
        callback = await _with_everything(ledger, theirs if chosen else others, number)
        if chosen:
            callbacks.append(callback)
    assert len(found(path, theirs.made)) == len(theirs.made)
    for callback in callbacks:
        await forgotten(ledger, callback)
    assert await overwrite(ledger)
    assert found(path, theirs.made) == {}
    assert len(found(path, others.made)) == len(others.made)
    shown, _ = await ledger.read(issuing.get(callbacks[0].id, "shop"))
    assert (shown.state, shown.label, shown.metadata, shown.approval) == ("completed", "", None, None)
    assert shown.target == WorkflowPromise("Orders", "forgotten", "paid")


async def test_what_retention_dropped_stands_in_none_of_the_files_either(
    ledger: SqliteLedger, path: Path
) -> None:
    marks = Marks(7)
    for number in range(8):
        waiting = await open_callback(ledger)
        body = marks.event(f"evt_{number}", large=number % 2 == 0)
        await noted(ledger, await deliver_one(ledger, waiting, event(f"evt_{number}", data=body)))
    while (await sweep(ledger, KEEP, NOW + 8 * DAY)).any:
        pass
    assert await overwrite(ledger)
    assert found(path, marks.made) == {}


async def test_a_repeat_of_what_is_forgotten_takes_no_effect(either: Ledger) -> None:
    waiting, other = await open_callback(either), await open_callback(either)
    await noted(either, await deliver_one(either, waiting, event()))
    assert await forgotten(either, waiting) == Forgotten(deliveries=1, events=1)
    again = await deliver_one(either, waiting, event())
    assert (again.outcome, again.conflict, again.owed) == ("duplicate", False, None)
    # Nor can a captured delivery complete another callback's URL.
    captured = await deliver_one(either, other, event())
    assert (captured.outcome, captured.conflict, captured.owed) == ("duplicate", True, None)
    assert await state_of(either, other) == "open"


async def test_a_stream_stays_one_and_its_numbers_go_on(either: Ledger) -> None:
    stream = await open_callback(either, target=Handler("Inbox", "ann@example.com", "take"))
    await noted(either, await deliver_one(either, stream, event("evt_1", "payment.pending")))
    await noted(either, await deliver_one(either, stream, event("evt_2")))
    await forgotten(either, stream)
    shown, events = await either.read(issuing.get(stream.id, "shop"))
    assert shown.target == Handler("Inbox", "forgotten", "take")
    assert [one["sequence"] for one in events] == [1, 2]
    assert (await deliver_one(either, stream, event("evt_1", "payment.pending"))).outcome == "duplicate"


async def test_what_came_with_it_for_others_is_left_to_them(either: Ledger) -> None:
    mine, theirs = await open_callback(either), await open_callback(either)
    await named(either, mine, "pi_1")
    await named(either, theirs, "pi_2")
    disposed = await deliver(
        either, None, event("evt_1", objects=("pi_1",)), event("evt_2", objects=("pi_2",))
    )
    await noted(either, *disposed)
    await forgotten(either, mine)
    left = await rows(either, "SELECT event_id FROM events WHERE data IS NOT NULL")
    assert left == [("evt_2",)]
    assert await rows(either, "SELECT body FROM deliveries") == [(None,)]
    assert await rows(either, "SELECT alias FROM aliases") == [("pi_2",)]


async def test_forgetting_again_does_no_harm(either: Ledger) -> None:
    waiting = await open_callback(either)
    await noted(either, await deliver_one(either, waiting, event()))
    assert await forgotten(either, waiting) == await forgotten(either, waiting)


async def test_an_expired_callback_is_forgotten_before_the_sweep_came_round(either: Ledger) -> None:
    waiting = await open_callback(either, label="ann")
    await forgotten(either, waiting, NOW + 2 * DAY)
    assert await state_of(either, waiting) == "expired"


class TestRefused:
    async def test_an_open_callback_has_to_be_closed_first(self, either: Ledger) -> None:
        waiting = await open_callback(either, label="ann")
        with pytest.raises(Conflict, match=r"Close it .* or revoke it"):
            await forgotten(either, waiting)
        shown = await either.read(issuing.find(waiting.id))
        assert shown is not None
        assert shown.label == "ann"
        await either.write(issuing.close(waiting.id, "shop", NOW), within=10)
        await forgotten(either, waiting)

    async def test_what_is_owed_has_to_be_delivered_first(self, either: Ledger) -> None:
        waiting = await open_callback(either)
        disposed = await deliver_one(either, waiting, event())
        with pytest.raises(Conflict, match="shows no pending event"):
            await forgotten(either, waiting)
        (owed,) = await either.write(owing.take(NOW + 100, 10), within=10)
        assert owed.data == event().data
        await noted(either, disposed)
        await forgotten(either, waiting)

    async def test_what_came_with_it_and_waits_for_an_alias_goes_first(self, either: Ledger) -> None:
        mine, theirs = await open_callback(either), await open_callback(either)
        await named(either, mine, "pi_1")
        disposed = await deliver(
            either, None, event("evt_1", objects=("pi_1",)), event("evt_2", objects=("pi_2",))
        )
        await noted(either, *disposed)
        with pytest.raises(Conflict, match="waits for an alias"):
            await forgotten(either, mine)
        (matched,) = await named(either, theirs, "pi_2")
        assert matched.owed is not None

    async def test_another_clients_callback_does_not_exist(self, either: Ledger) -> None:
        waiting = await open_callback(either, client="other")
        with pytest.raises(NotFound):
            await forgotten(either, waiting)


async def test_a_delivery_that_brought_no_event_is_found_and_forgotten_as_well(either: Ledger) -> None:
    waiting = await open_callback(either)
    assert await deliver(either, waiting) == []
    search = deliveries.search(Viewer("shop", ["acmepay"]), Search(callback=waiting.id), 10)
    assert [row["events"] for row in (await either.read(search)).rows] == [[]]
    await either.write(issuing.close(waiting.id, "shop", NOW), within=10)
    assert (await forgotten(either, waiting)).deliveries == 1
    assert await rows(either, "SELECT body FROM deliveries") == [(None,)]
