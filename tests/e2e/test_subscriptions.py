"""`services/subscriptions.py`: a virtual object that waits for a stream, and those who queue behind it."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import Scene, until


def subscribe(scene: Scene, **plan: Any) -> tuple[str, str]:
    """Start a subscription; its invocation and its payment."""
    path = f"Subscriptions/{scene.name}/start"
    invocation = scene.start(path, {"name": "monthly", "price": 500, **plan})
    return invocation, scene.payment(f"monthly for {scene.name}")


def test_progress_is_followed_to_the_end(scene: Scene) -> None:
    invocation, payment = subscribe(scene)
    for event in ("payment.processing", "payment.authorized"):
        assert scene.pays(payment, event)[0]["body"] == '{"outcome":"progress"}'
    progress = f"Subscriptions/{scene.name}/progress"
    until(lambda: scene.call(progress).json() == ["payment.processing", "payment.authorized"])
    scene.suspended(invocation)
    scene.pays(payment, times=3)
    assert scene.result(invocation) == {
        "plan": "monthly",
        "status": "active",
        "events": ["payment.processing", "payment.authorized", "payment.succeeded"],
    }


def test_a_declined_payment_ends_the_stream(scene: Scene) -> None:
    invocation, payment = subscribe(scene)
    scene.pays(payment, "payment.processing")
    scene.pays(payment, "payment.declined", reason="no funds")
    result = scene.result(invocation)
    assert (result["status"], result["events"]) == ("declined", ["payment.processing", "payment.declined"])


def test_a_stream_without_an_end_times_out_and_is_closed(scene: Scene) -> None:
    invocation, payment = subscribe(scene, wait=1)
    scene.pays(payment, "payment.processing")
    result = scene.result(invocation)
    assert (result["status"], result["events"]) == ("timed out", ["payment.processing"])
    assert scene.pays(payment, retry=False)[0]["status"] == 410


def test_whatever_else_the_object_is_asked_for_queues_behind_who_waits(scene: Scene) -> None:
    invocation, payment = subscribe(scene)
    cancel = scene.start(f"Subscriptions/{scene.name}/cancel")
    scene.suspended(invocation)
    query = f"select status from sys_invocation where id = '{cancel}'"
    assert scene.stack.restate.query(query) == [{"status": "pending"}]
    scene.pays(payment)
    assert scene.result(invocation)["status"] == "active"
    assert scene.result(cancel) == "monthly"
