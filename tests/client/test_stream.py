"""Many events on one URL: each once, in order, kept until somebody asks."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.client.conftest import Waiting
from tests.client.fake_gateway import FakeGateway


def test_events_come_in_order_until_a_final_one(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    invocation = waiting.start("stream", label)
    issued = gateway.the(label)
    waiting.suspended(invocation)
    for outcome in ("progress", "progress", "succeeded"):
        gateway.send(issued, outcome=outcome)
        if outcome == "progress":
            waiting.suspended(invocation)
    assert waiting.result(invocation) == {"seen": [[1, "progress"], [2, "progress"], [3, "succeeded"]]}


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_and_repeated_events_come_once_and_in_order(
    waiting: Waiting, gateway: FakeGateway, label: str, seed: int
) -> None:
    invocation = waiting.start("stream", label)
    issued = gateway.the(label)
    deliveries = [*range(1, 9), *range(1, 9)]
    random.Random(seed).shuffle(deliveries)
    for sequence in deliveries:
        gateway.send(issued, sequence=sequence, outcome="succeeded" if sequence == 8 else "progress")
    seen = waiting.result(invocation)["seen"]
    assert [sequence for sequence, _ in seen] == list(range(1, 9))


def test_events_that_come_before_anybody_asks_are_kept(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    gateway.hangs = True
    invocation = waiting.start("stream", label)
    issued = gateway.the(label)
    gateway.send(issued, outcome="progress")
    gateway.send(issued, outcome="succeeded")
    gateway.hangs = False
    assert waiting.result(invocation) == {"seen": [[1, "progress"], [2, "succeeded"]]}


def test_a_failure_ends_the_stream_with_an_error(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    invocation = waiting.start("stream", label)
    gateway.send(gateway.the(label), outcome="progress")
    gateway.send(gateway.the(label), outcome="failed")
    assert waiting.result(invocation) == {"seen": [[1, "progress"]], "error": "CallbackRejected"}


def test_a_stream_that_is_over_stays_over(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    invocation = waiting.start("stream_twice", label)
    gateway.send(gateway.the(label), outcome="failed")
    assert waiting.result(invocation) == []


def test_the_deadline_is_one_for_all_events(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    invocation = waiting.start("stream", label, seconds=1)
    gateway.send(gateway.the(label), outcome="progress")
    assert waiting.result(invocation) == {"seen": [[1, "progress"]], "error": "CallbackTimedOut"}
    assert gateway.the(label).state == "closed"


def test_a_final_event_that_won_against_the_deadline_is_reached(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("stream", label, seconds=0.3)
    gateway.win(gateway.the(label), {"outcome": "progress"}, {"outcome": "succeeded"})
    assert waiting.result(invocation) == {"seen": [[1, "progress"], [2, "succeeded"]]}


def test_close_ends_the_stream(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    invocation = waiting.start("first_of_stream", label)
    gateway.send(gateway.the(label), outcome="progress")
    assert waiting.result(invocation) == {"seen": [[1, "progress"]], "closed": True}
    assert gateway.the(label).state == "closed"


def test_close_after_the_final_event_goes_on_until_that_one(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("first_of_stream", label)
    issued = gateway.the(label)
    gateway.win(issued, {"outcome": "progress"}, {"outcome": "succeeded"})
    gateway.send(issued, outcome="progress")
    result = waiting.result(invocation)
    assert result == {"seen": [[1, "progress"], [2, "progress"], [3, "succeeded"]], "closed": False}


def test_a_notification_is_confirmed_by_asking_the_provider(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("confirmed", label)
    issued = gateway.the(label)
    assert issued.body["succeed_on"] == []
    gateway.send(issued, "part", outcome="progress")
    gateway.send(issued, "full", outcome="progress")
    assert waiting.result(invocation) == "paid in full"
    assert issued.state == "closed"


def test_a_stream_that_ends_without_a_confirmation_is_an_error(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("confirmed", label)
    gateway.send(gateway.the(label), "part")
    ended = waiting.ended(invocation)
    assert ended.status_code == 500
    assert "was confirmed" in ended.json()["message"]


def test_an_inbox_holds_nothing_that_was_handed_over(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("stream", label)
    issued = gateway.the(label)
    for outcome in ("progress", "progress", "succeeded"):
        gateway.send(issued, outcome=outcome)
    waiting.result(invocation)
    inbox = issued.body["target"]["key"]
    again = waiting.restate.ingress.post(f"/GatewayInbox/{inbox}/deliver", json={"sequence": 2})
    assert again.status_code == 200
    query = f"select key from state where service_name = 'GatewayInbox' and service_key = '{inbox}'"
    assert waiting.restate.query(query) == [{"key": "next"}]


def test_the_inbox_is_emptied_a_day_after_the_deadline(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    waiting.start("stream", label, seconds=60)
    inbox = gateway.the(label).body["target"]["key"]
    query = "select scheduled_start_at - created_at as delay, status from sys_invocation"
    query += f" where target = 'GatewayInbox/{inbox}/forget'"
    (row,) = waiting.restate.query(query)
    assert row["status"] == "scheduled"


def test_an_inbox_refuses_what_has_no_number(waiting: Waiting, label: str) -> None:
    bodies: tuple[Any, ...] = (None, [], {"sequence": 0}, {"sequence": "1"}, {"data": 1})
    for body in bodies:
        answer = waiting.restate.ingress.post(f"/GatewayInbox/{label}/deliver", json=body)
        assert answer.status_code == 400


def test_only_the_gateway_reaches_an_inbox_from_outside(waiting: Waiting, label: str) -> None:
    for handler in ("ask", "forget"):
        answer = waiting.restate.ingress.post(f"/GatewayInbox/{label}/{handler}", json="sign_1")
        assert answer.status_code == 400
        assert "not public" in answer.text
