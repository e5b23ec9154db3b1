"""Promises of a workflow, resolved by the shared handler that `bind` adds."""

from __future__ import annotations

from typing import Any

from tests.client.conftest import Waiting
from tests.client.fake_gateway import FakeGateway


def event(data: Any, **more: Any) -> dict[str, Any]:
    """What the gateway sends for the promise `payment`."""
    return {
        "specversion": "1.0",
        "id": "evt_1",
        "source": "/sources/acmepay",
        "type": "payment.succeeded",
        "time": "2026-11-22T20:36:40Z",
        "subject": "cb_1",
        "provider": "standard-webhooks",
        "outcome": "succeeded",
        "data": data,
        "promise": "payment",
        **more,
    }


def deliver(waiting: Waiting, key: str, body: Any) -> int:
    """Call the shared handler and wait for it; the status."""
    return waiting.restate.ingress.post(f"/Flow/{key}/gateway_callback", json=body).status_code


def peek(waiting: Waiting, key: str) -> Any:
    return waiting.restate.ingress.post(f"/Flow/{key}/peek").json()


def test_an_event_resolves_the_promise_that_the_suspended_workflow_waits_for(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("run", label, key=label)
    issued = gateway.the(label)
    waiting.suspended(invocation)
    assert issued.body["target"] == {
        "workflow": "Flow",
        "key": label,
        "promise": "payment",
        "handler": "gateway_callback",
    }
    assert peek(waiting, label) is False
    gateway.send(issued, {"digits": 12345678901234567890123})
    assert waiting.result(invocation)["event"]["data"] == {"digits": 12345678901234567890123}
    assert peek(waiting, label) is True


def test_an_event_before_the_workflow_runs_is_what_it_finds(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    assert deliver(waiting, label, event("early")) == 200
    invocation = waiting.start("run", label, key=label)
    assert waiting.result(invocation)["event"]["data"] == "early"


def test_a_second_event_changes_nothing_and_is_taken_quietly(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("run", label, key=label)
    gateway.send(gateway.the(label), "first")
    assert waiting.result(invocation)["event"]["data"] == "first"
    # The workflow is over, and its promises stay for a day.
    assert deliver(waiting, label, event("second")) == 200
    assert deliver(waiting, label, event(None, reject="too late")) == 200
    assert peek(waiting, label) is True


def test_a_rejection_reaches_whoever_awaits_the_promise(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("run", label, key=label)
    gateway.the(label)
    assert deliver(waiting, label, event(None, reject="payment.declined: no funds (event evt_1)")) == 200
    ended = waiting.ended(invocation)
    assert (ended.status_code, ended.json()["message"]) == (500, "payment.declined: no funds (event evt_1)")


def test_a_failure_that_is_resolved_is_raised_with_its_event(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("run", label, key=label)
    gateway.send(gateway.the(label), {"code": 51}, outcome="failed", reason="no funds")
    result = waiting.result(invocation)
    assert (result["error"], result["event"]["data"]) == ("CallbackRejected", {"code": 51})


def test_a_promise_that_times_out_is_closed(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    result = waiting.result(waiting.start("run", label, key=label, seconds=0.3))
    assert (result["error"], result["closed"]) == ("CallbackTimedOut", True)
    assert gateway.the(label).state == "closed"


def test_what_is_no_event_for_a_promise_is_refused(waiting: Waiting, label: str) -> None:
    bodies: tuple[Any, ...] = (
        None,
        [],
        "text",
        {"promise": 1},
        {"promise": "payment", "reject": 1},
        {"data": 1},
    )
    for body in bodies:
        assert deliver(waiting, label, body) == 400
