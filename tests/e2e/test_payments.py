"""`services/payments.py`: an awakeable, a provider, and every way it can end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.conftest import Scene


def charge(scene: Scene, handler: str = "charge", **order: Any) -> tuple[str, str]:
    """Start a charge; its invocation and its payment, which the provider has by then."""
    invocation = scene.start(f"Payments/{handler}", {"amount": 4200, "description": scene.name, **order})
    return invocation, scene.payment(scene.name)


def outcome(answers: list[dict[str, Any]]) -> tuple[int, str]:
    (answer,) = answers
    return answer["status"], answer["body"]


def test_a_payment_that_succeeds_resumes_the_handler(scene: Scene) -> None:
    invocation, payment = charge(scene)
    scene.suspended(invocation)
    assert outcome(scene.pays(payment)) == (200, '{"outcome":"completed"}')
    assert scene.result(invocation) == {"status": "paid", "payment": payment, "reason": None}
    assert scene.call(f"Books/{payment}/entries").json() == [4200]


def test_a_declined_payment_gives_the_providers_reason(scene: Scene) -> None:
    invocation, payment = charge(scene)
    scene.pays(payment, "payment.declined", reason="insufficient funds")
    assert scene.result(invocation) == {
        "status": "declined",
        "payment": payment,
        "reason": "insufficient funds",
    }


def test_an_event_that_is_not_final_is_filtered_and_the_handler_waits_on(scene: Scene) -> None:
    invocation, payment = charge(scene)
    assert outcome(scene.pays(payment, "payment.processing")) == (200, '{"outcome":"filtered"}')
    scene.suspended(invocation)
    scene.pays(payment)
    assert scene.result(invocation)["status"] == "paid"


def test_the_same_event_five_times_has_one_effect(scene: Scene) -> None:
    invocation, payment = charge(scene)
    bodies = sorted(answer["body"] for answer in scene.pays(payment, times=5))
    assert bodies == ['{"outcome":"completed"}', *['{"outcome":"duplicate"}'] * 4]
    assert scene.result(invocation)["status"] == "paid"
    assert scene.call(f"Books/{payment}/entries").json() == [4200]


def test_an_event_that_comes_before_the_handler_waits_is_not_lost(scene: Scene) -> None:
    invocation, payment = charge(scene, busy=1)
    scene.pays(payment)
    assert scene.result(invocation)["status"] == "paid"


def test_a_payment_that_nobody_makes_times_out_and_what_comes_later_is_late(scene: Scene) -> None:
    invocation, payment = charge(scene, wait=0.5)
    assert scene.result(invocation) == {"status": "timed out", "payment": payment, "reason": None}
    assert outcome(scene.pays(payment, retry=False))[0] == 410
    assert scene.call(f"Books/{payment}/entries").json() == []


@pytest.mark.parametrize("handler", ["charge_on_account", "charge_by_alias"])
def test_a_payment_is_found_behind_the_one_url_of_an_account(scene: Scene, handler: str) -> None:
    scene.stack.world.put(
        "/v1/account", json={"webhook_url": f"{scene.stack.public_url}/s/acmepay-account"}
    ).raise_for_status()
    invocation, payment = charge(scene, handler)
    assert outcome(scene.pays(payment))[0] == 200
    assert scene.result(invocation)["payment"] == payment


def test_an_event_that_comes_before_its_alias_is_matched_then(scene: Scene) -> None:
    scene.stack.world.put(
        "/v1/account", json={"webhook_url": f"{scene.stack.public_url}/s/acmepay-account"}
    ).raise_for_status()
    invocation, payment = charge(scene, "charge_by_alias", busy=1)
    assert outcome(scene.pays(payment)) == (200, '{"outcome":"unmatched"}')
    assert scene.result(invocation)["payment"] == payment


def test_what_a_handler_does_not_catch_is_its_callers_error(scene: Scene) -> None:
    scene.stack.world.put(
        "/v1/account", json={"webhook_url": f"{scene.stack.public_url}/s/acmepay-account"}
    ).raise_for_status()
    invocation, payment = charge(scene, "charge_on_account")
    scene.pays(payment, "payment.declined", reason="stolen card")
    ended = scene.ended(invocation)
    assert ended.status_code == 422
    assert ended.json()["message"].startswith("payment.declined: stolen card (event msg_")


def test_an_event_that_races_the_timeout_has_the_same_end_on_both_sides(scene: Scene) -> None:
    def race(number: int) -> tuple[str, int]:
        name = f"{scene.name}-{number}"
        order = {"amount": 4200, "description": name, "wait": 0.5}
        invocation = scene.start("Payments/charge", order)
        payment = scene.payment(name)
        # Some well before the deadline, some after it, most around it.
        time.sleep(0.2 + number * 0.02)
        (answer,) = scene.pays(payment, retry=False)
        return scene.result(invocation)["status"], answer["status"]

    with ThreadPoolExecutor(max_workers=8) as runners:
        ends = list(runners.map(race, range(24)))
    # Told that it was taken, and paid; or told that nobody waits, and timed out.
    assert set(ends) == {("paid", 200), ("timed out", 410)}
