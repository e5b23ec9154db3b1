"""Once it is known that a callback's value took no effect, whatever changes nothing any more is late."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.decide import Earlier, Standing, dispose
from gateway.ledger import Ledger
from gateway.outcome import Outcome, State
from gateway.rules import Verdict
from tests.core.samples import NOW
from tests.gateway.conftest import StartGateway
from tests.gateway.webhooks import event as webhook
from tests.ledger.samples import deliver_one, event, open_callback

EARLIER = [
    None,
    Earlier(here=True, same=True),
    Earlier(here=True, same=False),
    Earlier(here=False, same=False),
]


@pytest.mark.parametrize(
    ("earlier", "state", "verdict"), list(product(EARLIER, [State.COMPLETED, State.FAILED], Verdict))
)
def test_it_is_late_and_marked_as_it_would_be(
    earlier: Earlier | None, state: State, verdict: Verdict
) -> None:
    there = dispose(Standing(state, int(NOW), False), verdict, earlier, NOW)
    gone = dispose(Standing(state, int(NOW), False, gone=True), verdict, earlier, NOW)
    assert there.outcome in (Outcome.DUPLICATE, Outcome.FILTERED)
    assert gone.outcome is Outcome.LATE
    assert (gone.conflict, gone.contradicts, gone.state) == (there.conflict, there.contradicts, None)


async def test_the_ledger_judges_a_second_event_late_and_compares_its_content(ledger: Ledger) -> None:
    one = await open_callback(ledger)
    await deliver_one(ledger, one, event("evt_1", data=b'{"paid":1}'))
    sql = "UPDATE callbacks SET took_effect = 'no'"
    await ledger.write(lambda tx: tx.run(sql, {}), within=10)
    same = await deliver_one(ledger, one, event("evt_2", data=b'{"paid":1}'))
    other = await deliver_one(ledger, one, event("evt_3", data=b'{"paid":2}'))
    contrary = await deliver_one(ledger, one, event("evt_4", "payment.failed"))
    assert [one.outcome for one in (same, other, contrary)] == [Outcome.LATE] * 3
    assert [one.conflict for one in (same, other, contrary)] == [False, True, True]
    assert [one.contradicts for one in (same, other, contrary)] == [False, False, True]


def test_a_gateway_without_an_admin_api_says_once_that_it_does_not_watch(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    one = gateway.issue()
    assert gateway.send(one.path, webhook()).status_code == 200
    shown = gateway.callback(one.id)
    assert (shown["waiting"], shown["took_effect"], shown["orphaned"]) == ("unknown", "unknown", False)
    assert gateway.log.count("not watched") == 1
