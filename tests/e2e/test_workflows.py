"""Workflows that wait on named promises: checkout, orders, onboarding, reviews."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.conftest import Scene


def buy(scene: Scene, **cart: Any) -> tuple[str, str]:
    """Start a checkout; its invocation and its payment."""
    invocation = scene.start(f"Checkout/{scene.name}/run", {"total": 1999, **cart})
    return invocation, scene.payment(f"cart {scene.name}")


def issue(scene: Scene) -> str:
    """A URL that completes the promise of a checkout, asked for by somebody else than its `run`."""
    target = {"workflow": "Checkout", "key": scene.name, "promise": "payment"}
    answer = scene.stack.gateway_api.post(
        "/v1/callbacks", json={"source": "mailer", "target": target, "on_failure": "resolve"}
    )
    return str(answer.raise_for_status().json()["url"])


PAID = {"type": "paid", "data": {"id": "pay_1", "status": "succeeded", "amount": 1, "currency": "EUR"}}


def test_a_payment_completes_the_promise_while_the_workflow_runs(scene: Scene) -> None:
    invocation, payment = buy(scene)
    scene.suspended(invocation)
    assert scene.call(f"Checkout/{scene.name}/paid").json() is False
    scene.pays(payment)
    assert scene.result(invocation) == {"payment": payment, "amount": 1999}
    assert scene.call(f"Checkout/{scene.name}/paid").json() is True


def test_a_declined_payment_is_the_workflows_error(scene: Scene) -> None:
    invocation, payment = buy(scene)
    scene.pays(payment, "payment.declined", reason="stolen card")
    ended = scene.ended(invocation)
    assert ended.status_code == 422
    assert "payment.declined: stolen card" in ended.json()["message"]
    assert scene.call(f"Checkout/{scene.name}/paid").json() is False


def test_a_promise_that_is_completed_before_its_workflow_runs_is_what_it_finds(scene: Scene) -> None:
    assert httpx.post(issue(scene), json=PAID, trust_env=False).json() == {"outcome": "completed"}
    invocation = scene.start(f"Checkout/{scene.name}/run", {"total": 1999})
    assert scene.result(invocation) == {"payment": "pay_1", "amount": 1}


def test_a_promise_of_a_workflow_that_is_over_keeps_its_value(scene: Scene) -> None:
    invocation, payment = buy(scene)
    url = issue(scene)
    scene.pays(payment)
    assert scene.result(invocation)["payment"] == payment
    assert httpx.post(url, json=PAID, trust_env=False).status_code == 200
    assert scene.call(f"Checkout/{scene.name}/paid").json() is True
    assert scene.result(invocation)["payment"] == payment


def test_everybody_who_waits_for_an_order_is_told_when_it_is_completed(scene: Scene) -> None:
    order = f"Orders/{scene.name}"
    run = scene.start(f"{order}/run", {"item": scene.name, "price": 700})
    waiters = [scene.start(f"{order}/wait_for_completion") for _ in range(3)]
    payment = scene.payment(scene.name)
    for waiter in waiters:
        scene.suspended(waiter)
    # The SDK writes None as nothing.
    assert scene.call(f"{order}/status").content == b""
    scene.pays(payment)
    message = f"{scene.name} was sold with payment {payment}"
    assert [scene.result(each) for each in (run, *waiters)] == [message] * 4
    assert scene.call(f"{order}/status").json() == message


def test_everybody_who_waits_for_an_order_is_told_when_it_fails(scene: Scene) -> None:
    order = f"Orders/{scene.name}"
    run = scene.start(f"{order}/run", {"item": scene.name, "price": 700})
    waiter = scene.start(f"{order}/wait_for_completion")
    scene.pays(scene.payment(scene.name), "payment.declined", reason="no funds")
    assert scene.ended(run).status_code == 422
    for ended in (scene.ended(waiter), scene.call(f"{order}/status")):
        assert ended.status_code == 500
        assert ended.json()["message"].startswith(f"{scene.name} was not sold: payment.declined: no funds")
