"""One line a delivery, with what one needs to know of it; refusals are sampled."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gateway.ledger.records import Disposed
from gateway.observe import lines
from gateway.observe.passage import STEPS, Passage
from gateway.outcome import Outcome
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import FOREIGN_SECRET, event


def lines_about(gateway: RunningGateway, count: int = 1, **values: Any) -> list[dict[str, Any]]:
    """The log's lines with these values, once there are so many: a line is written after its answer."""
    deadline = time.monotonic() + 5
    while True:
        logged = [json.loads(line) for line in gateway.log.splitlines() if line.endswith("}")]
        found = [one for one in logged if values.items() <= one.items()]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} lines with {values}"
        time.sleep(0.02)


def test_a_delivery_is_one_line_that_says_all(gateway: RunningGateway) -> None:
    callback = gateway.issue()
    answer = gateway.send(callback.path, event())
    (line,) = lines_about(gateway, event="delivery", callback=callback.id)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["delivery"].startswith("dl_")
    assert {name: line[name] for name in ("source", "event_type", "outcome", "key", "status", "level")} == {
        "source": "pay",
        "event_type": "payment.succeeded",
        "outcome": "completed",
        "key": "k1",
        "status": 200,
        "level": "info",
    }
    assert list(line["ms"]) == list(STEPS)
    assert sum(line["ms"].values()) == pytest.approx(line["total_ms"], abs=0.01)


def test_request_ids_are_random_and_our_own(gateway: RunningGateway) -> None:
    webhook = event()
    path = gateway.issue().path
    sent = {**webhook.headers, "x-request-id": "chosen-by-a-stranger"}
    ids = {
        gateway.public.post(path, content=webhook.body, headers=sent).headers["x-request-id"]
        for _ in range(5)
    }
    assert len(ids) == 5
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in ids)


def test_a_forged_delivery_is_a_warning_with_its_reason(gateway: RunningGateway) -> None:
    callback = gateway.issue()
    gateway.send(callback.path, event(secret=FOREIGN_SECRET))
    (line,) = lines_about(gateway, event="delivery", callback=callback.id)
    assert (line["outcome"], line["status"], line["level"]) == ("unverified", 401, "warning")
    assert line["reason"] == "no signature fits"


def test_success_after_failure_is_an_error(gateway: RunningGateway) -> None:
    callback = gateway.issue()
    gateway.send(callback.path, event("payment.declined"))
    gateway.send(callback.path, event("payment.succeeded"))
    _, line = lines_about(gateway, 2, event="delivery", callback=callback.id)
    assert line["contradicts"]
    assert line["level"] == "error"


def test_a_flood_of_unknown_tokens_is_counted_and_sampled(
    own_gateway: RunningGateway, own_ingress: FakeIngress
) -> None:
    for number in range(300):
        assert own_gateway.send(f"/c/pay/none-{number}", event()).status_code == 404
    time.sleep(1.1)
    own_gateway.send("/c/pay/none", event())
    deadline = time.monotonic() + 5
    while True:
        found = lines_about(own_gateway, event="refused", refused="not_found")
        told = len(found) + sum(line.get("left_out", 0) for line in found)
        if told == 301:
            break
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    assert len(found) < 150
    assert "none-" not in own_gateway.log
    # A genuine delivery's line is never left out.
    callback = own_gateway.issue()
    own_gateway.send(callback.path, event())
    assert lines_about(own_gateway, event="delivery", callback=callback.id)


def test_a_batch_is_one_line_with_its_events_and_how_many_came_to_what() -> None:
    passage = Passage.begin()
    passage.source, passage.delivery_id = "adyen", "dl_1"
    passage.disposed = [Disposed(Outcome.PENDING, f"type-{n}", f"cb_{n}") for n in range(50)]
    passage.outcomes = [Outcome.COMPLETED] * 49 + [Outcome.PENDING]
    said = lines.values(passage)
    assert said["outcomes"] == {"completed": 49, "pending": 1}
    assert said["events"][0] == {"callback": "cb_0", "event_type": "type-0", "outcome": "completed"}
    assert len(said["events"]) == 20
    assert len(json.dumps(said)) < 4000
