"""AcmePay behaves like a payment provider: idempotent, signed, persistent, and faulty on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from simulator.sending import Sender
from simulator.signatures import encoded
from tests.simulator.conftest import SECRETS, new_payment
from tests.simulator.receiver import Receiver


async def simulate(world: httpx.AsyncClient, payment: dict[str, Any], **asked: Any) -> dict[str, Any]:
    answer = await world.post(f"/v1/payments/{payment['id']}/simulate", json=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_payment_is_made_once_for_an_idempotency_key(world: httpx.AsyncClient) -> None:
    first = await world.post("/v1/payments", json=new_payment(), headers={"idempotency-key": "a"})
    second = await world.post("/v1/payments", json=new_payment(), headers={"idempotency-key": "a"})
    other = await world.post("/v1/payments", json=new_payment(), headers={"idempotency-key": "b"})

    assert [first.status_code, second.status_code, other.status_code] == [201, 200, 201]
    assert first.json() == second.json() != other.json()
    assert first.json() == {
        "id": first.json()["id"],
        "status": "pending",
        "amount": 4200,
        "currency": "EUR",
        "description": "a chair",
        "reference": "ref-1",
    }
    assert (await world.get("/v1/payments")).json() == [first.json(), other.json()]


async def test_a_payment_shows_what_became_of_it(world: httpx.AsyncClient, payment: dict[str, Any]) -> None:
    await simulate(world, payment, event="payment.succeeded")

    assert (await world.get(f"/v1/payments/{payment['id']}")).json() == {**payment, "status": "succeeded"}
    assert (await world.get("/v1/payments/pay_unknown")).status_code == 404


@pytest.mark.parametrize("wrong", [{"amount": 0}, {"amount": "much"}, {"currency": "Euro"}, {"amount": None}])
async def test_a_payment_that_makes_no_sense_is_refused(
    world: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    assert (await world.post("/v1/payments", json=new_payment(**wrong))).status_code == 422


async def test_an_event_is_signed_as_standard_webhooks_wants_it(
    world: httpx.AsyncClient, receiver: Receiver, payment: dict[str, Any]
) -> None:
    sent = await simulate(world, payment, event="payment.declined", reason="no funds")

    event = Webhook(SECRETS.acmepay).verify(receiver.bodies[0], dict(receiver.headers[0]))
    assert receiver.headers[0]["webhook-id"] == sent["event_id"]
    assert receiver.headers[0]["content-type"] == "application/json"
    assert event["type"] == "payment.declined"
    assert event["data"] == {
        "id": payment["id"],
        "status": "declined",
        "amount": 4200,
        "currency": "EUR",
        "reference": "ref-1",
        "reason": "no funds",
    }
    assert [(answer["status"], answer["body"]) for answer in sent["answers"]] == [(200, "answered 200")]


@pytest.mark.parametrize("fault", ["forged", "tampered", "wrong_secret", "stale"])
async def test_a_faulty_delivery_does_not_verify_and_changes_nothing(
    world: httpx.AsyncClient, receiver: Receiver, payment: dict[str, Any], fault: str
) -> None:
    await simulate(world, payment, event="payment.succeeded", fault=fault, retry=False)

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.acmepay).verify(receiver.bodies[0], dict(receiver.headers[0]))
    assert (await world.get(f"/v1/payments/{payment['id']}")).json()["status"] == "pending"


async def test_the_same_event_can_be_sent_many_times_at_once(
    world: httpx.AsyncClient, receiver: Receiver, payment: dict[str, Any]
) -> None:
    sent = await simulate(world, payment, event="payment.succeeded", times=5)

    assert len(sent["answers"]) == 5
    assert {headers["webhook-id"] for headers in receiver.headers} == {sent["event_id"]}
    assert len(set(receiver.bodies)) == 1


async def test_an_event_is_repeated_until_it_is_acknowledged(
    world: httpx.AsyncClient, receiver: Receiver, payment: dict[str, Any]
) -> None:
    receiver.statuses = [500, 302, 401, 202]
    sent = await simulate(world, payment, event="payment.succeeded")
    await until(lambda: len(receiver.bodies) == 4)

    assert [answer["status"] for answer in sent["answers"]] == [500]
    await asyncio.sleep(0.05)
    assert len(receiver.bodies) == 4
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        assert headers["webhook-id"] == sent["event_id"]
        Webhook(SECRETS.acmepay).verify(body, dict(headers))


async def test_an_event_is_given_up_after_ten_attempts(
    world: httpx.AsyncClient, receiver: Receiver, payment: dict[str, Any]
) -> None:
    receiver.statuses = [503]
    await simulate(world, payment, event="payment.succeeded")
    await until(lambda: len(receiver.bodies) == 10)

    await asyncio.sleep(0.05)
    assert len(receiver.bodies) == 10


@pytest.mark.parametrize(("status", "asked"), [(410, {}), (503, {"retry": False})])
async def test_an_event_is_not_repeated_where_that_is_not_wanted(
    world: httpx.AsyncClient, receiver: Receiver, payment: dict[str, Any], status: int, asked: dict[str, Any]
) -> None:
    receiver.statuses = [status]
    await simulate(world, payment, event="payment.succeeded", **asked)

    await asyncio.sleep(0.05)
    assert len(receiver.bodies) == 1


async def test_an_event_in_the_background_is_answered_at_once(
    world: httpx.AsyncClient, receiver: Receiver, payment: dict[str, Any]
) -> None:
    asked = {"event": "payment.succeeded", "background": True}
    answer = await world.post(f"/v1/payments/{payment['id']}/simulate", json=asked)

    assert answer.status_code == 202
    assert answer.json()["answers"] == []
    await until(lambda: len(receiver.bodies) == 1)
    assert receiver.headers[0]["webhook-id"] == answer.json()["event_id"]


async def test_events_go_to_the_accounts_url_where_a_payment_has_none(
    world: httpx.AsyncClient, receiver: Receiver
) -> None:
    payment = (await world.post("/v1/payments", json=new_payment(webhook_url=None))).json()
    asked = {"event": "payment.succeeded"}
    nowhere = await world.post(f"/v1/payments/{payment['id']}/simulate", json=asked)
    await world.put("/v1/account", json={"webhook_url": "http://receiver/account"})
    await simulate(world, payment, **asked)

    assert nowhere.status_code == 409
    assert receiver.paths == ["/account"]
    assert json.loads(receiver.bodies[0])["data"]["reference"] == "ref-1"


async def test_a_receiver_that_is_away_is_reported_and_tried_again(receiver: Receiver) -> None:
    class Away(httpx.AsyncBaseTransport):
        calls = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.calls += 1
            if self.calls == 1:
                raise httpx.ConnectError("nobody is there")
            return httpx.Response(200)

    away = Away()
    sender = Sender(time_scale=1e-7, transport=away)
    answers = await sender.send("http://receiver/hook", lambda: ({}, encoded({})))
    await until(lambda: away.calls == 2)
    await sender.close()

    assert [(answer.status, answer.body) for answer in answers] == [(0, "ConnectError")]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  # what is waited for happens in an app that has no event for it
            await asyncio.sleep(0.002)
