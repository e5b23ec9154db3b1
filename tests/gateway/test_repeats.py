"""The same delivery again, and others that race it: one effect, one call to Restate."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import Webhook, event


async def _at_once(gateway: RunningGateway, path: str, webhooks: list[Webhook]) -> list[httpx.Response]:
    """Send webhooks at once, each on a connection of its own."""
    limits = httpx.Limits(max_connections=len(webhooks))
    async with httpx.AsyncClient(
        base_url=f"http://{gateway.address}", trust_env=False, limits=limits, timeout=15
    ) as client:
        sending = (client.post(path, content=one.body, headers=one.headers) for one in webhooks)
        return list(await asyncio.gather(*sending))


def test_a_genuine_event_completes_the_awakeable_once(gateway: RunningGateway, ingress: FakeIngress) -> None:
    callback = gateway.issue()
    answer = gateway.send(callback.path, event())
    assert (answer.status_code, answer.json()) == (200, {"outcome": "completed"})
    (call,) = ingress.calls_for(callback.awakeable)
    assert call.path == f"/restate/awakeables/{callback.awakeable}/resolve"
    assert gateway.callback(callback.id)["state"] == "completed"


async def test_fifty_times_the_same_delivery_at_once_have_one_effect(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue()
    answers = await _at_once(gateway, callback.path, [event()] * 50)
    assert {answer.status_code for answer in answers} == {200}
    outcomes = sorted(answer.json()["outcome"] for answer in answers)
    assert outcomes == ["completed"] + ["duplicate"] * 49
    assert len(ingress.calls_for(callback.awakeable)) == 1


async def test_fifty_different_final_events_at_once_have_one_effect_and_49_conflicts(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue()
    different = [event(amount=amount) for amount in range(50)]
    answers = await _at_once(gateway, callback.path, different)
    outcomes = sorted(answer.json()["outcome"] for answer in answers)
    assert outcomes == ["completed"] + ["duplicate"] * 49
    assert len(ingress.calls_for(callback.awakeable)) == 1
    deliveries = gateway.callback(callback.id)["deliveries"]
    assert sum(delivery["conflict"] for delivery in deliveries) == 49


async def test_an_event_that_is_retried_with_a_new_signature_is_a_duplicate(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue()
    first = event(event_id="msg_retried", signed_at=time.time() - 60)
    again = event(event_id="msg_retried")
    assert first.headers["webhook-signature"] != again.headers["webhook-signature"]
    answers = [gateway.send(callback.path, webhook).json()["outcome"] for webhook in (first, again)]
    assert answers == ["completed", "duplicate"]
    assert not any(event["conflict"] for event in gateway.callback(callback.id)["deliveries"])
    assert len(ingress.calls_for(callback.awakeable)) == 1


def test_the_same_event_id_with_another_body_is_a_duplicate_with_a_conflict(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue()
    for amount in (1, 2):
        gateway.send(callback.path, event(event_id="msg_twofold", amount=amount))
    assert [e["conflict"] for e in gateway.callback(callback.id)["deliveries"]] == [False, True]
    (call,) = ingress.calls_for(callback.awakeable)
    assert b'"amount": 1' in call.body


def test_a_failure_after_a_success_contradicts_and_changes_nothing(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue()
    gateway.send(callback.path, event())
    answer = gateway.send(callback.path, event("payment.declined"))
    assert (answer.status_code, answer.json()) == (200, {"outcome": "duplicate"})
    assert gateway.callback(callback.id)["deliveries"][1]["contradicts"]
    assert gateway.callback(callback.id)["state"] == "completed"
    assert len(ingress.calls_for(callback.awakeable)) == 1


@pytest.mark.parametrize(("age", "status"), [(1, 200), (299, 200), (302, 401), (25 * 3600, 401)])
def test_a_captured_delivery_that_is_replayed_later_has_no_second_effect(
    gateway: RunningGateway, ingress: FakeIngress, age: int, status: int
) -> None:  # what is sent now was signed so long ago
    callback = gateway.issue()
    event_id = f"msg_captured_{age}"
    gateway.send(callback.path, event(event_id=event_id))
    captured = event(event_id=event_id, signed_at=time.time() - age)
    assert gateway.send(callback.path, captured).status_code == status
    gateway.wait_for_outcome(callback.id, "completed")  # noted off the path
    assert len(ingress.calls_for(callback.awakeable)) == 1
    assert gateway.outcomes(callback.id).count("completed") == 1


def test_a_captured_delivery_of_one_payment_does_not_complete_another_url(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    paid, unpaid = gateway.issue(), gateway.issue()
    captured = event(event_id="msg_of_payment_1")
    gateway.send(paid.path, captured)
    answer = gateway.send(unpaid.path, captured)
    assert (answer.status_code, answer.json()) == (200, {"outcome": "duplicate"})
    assert ingress.calls_for(unpaid.awakeable) == []
    shown = gateway.callback(unpaid.id)
    assert shown["state"] == "open"
    assert shown["deliveries"][0]["conflict"]


def test_a_stale_delivery_is_refused_to_the_second(gateway: RunningGateway, ingress: FakeIngress) -> None:
    callback = gateway.issue()
    for offset in (-303, 303):
        stale = event(signed_at=time.time() + offset)
        assert gateway.send(callback.path, stale).status_code == 401
    assert ingress.calls_for(callback.awakeable) == []
    assert gateway.callback(callback.id)["state"] == "open"
