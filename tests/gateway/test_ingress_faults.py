"""Restate is away, slow, cut off or refuses: the provider is answered in time, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator

import httpx
import pytest

from stack.ports import free_ports
from tests.gateway.conftest import StartGateway
from tests.gateway.ingress import ACCEPT, Call, FakeIngress, InTurn, Reaction
from tests.gateway.process import Issued, RunningGateway
from tests.gateway.webhooks import event


@pytest.fixture(autouse=True)
def _well(gateway: RunningGateway, ingress: FakeIngress) -> Iterator[None]:
    """Restate is well again after each test, and nothing is owed to it any more."""
    yield
    ingress.react = lambda call: ACCEPT
    deadline = time.monotonic() + 15
    while gateway.anonymous.get("/readyz").json()["pending"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    ingress.calls.clear()


#: What a provider may be kept waiting: Slack, the least patient one, waits 3 s.
PATIENCE = 2.5


def _completes(gateway: RunningGateway, callback: Issued) -> tuple[int, str, float]:
    """Bring a final event: status, outcome and seconds of the answer."""
    begun = time.monotonic()
    answer = gateway.send(callback.path, event())
    return answer.status_code, answer.json()["outcome"], time.monotonic() - begun


def test_a_refused_connection_is_202_and_delivered_when_restate_is_back(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue()
    ingress.close()
    status, outcome, seconds = _completes(gateway, callback)
    assert (status, outcome) == (202, "pending")
    assert seconds < PATIENCE
    assert gateway.outcomes(callback.id) == ["pending"]
    time.sleep(1.5)
    ingress.open()
    ingress.wait_for(callback.awakeable, seconds=5)
    gateway.wait_for_outcome(callback.id, "completed", seconds=2)
    assert len(ingress.calls_for(callback.awakeable)) == 1
    # A repeat of what was acknowledged changes nothing.
    assert _completes(gateway, callback)[:2] == (200, "duplicate")


@pytest.mark.parametrize("how", ["cut", "torn"])
def test_an_answer_that_is_cut_is_tried_again_and_says_the_same(
    gateway: RunningGateway, ingress: FakeIngress, how: str
) -> None:
    # Its connection is kept. One that closes without a word may have been closed before: that is tried again
    # at once, where an answer that was begun is not.
    _completes(gateway, gateway.issue())
    ingress.react = InTurn([Reaction(how=how), Reaction()])  # type: ignore[arg-type]  # of these two
    stream = gateway.issue(target={"service": "Inbox", "key": os.urandom(6).hex(), "handler": "take"})
    status, outcome, seconds = _completes(gateway, stream)
    assert (status, outcome) == {"cut": (200, "completed"), "torn": (202, "pending")}[how]
    assert seconds < PATIENCE
    first, second = ingress.wait_for(stream.id, 2, seconds=5)
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert (first.path, first.body) == (second.path, second.body)
    gateway.wait_for_outcome(stream.id, "completed")


@pytest.mark.parametrize(("delay", "status"), [(1.0, 200), (5.0, 202)])
def test_a_slow_answer_does_not_keep_the_provider_waiting(
    gateway: RunningGateway, ingress: FakeIngress, delay: float, status: int
) -> None:
    callback = gateway.issue()
    ingress.react = InTurn([Reaction(delay=delay), Reaction()])
    answered, _, seconds = _completes(gateway, callback)
    assert answered == status
    assert seconds < PATIENCE
    gateway.wait_for_outcome(callback.id, "completed", seconds=10)
    assert len(ingress.calls_for(callback.awakeable)) == (1 if status == 200 else 2)


async def test_a_black_hole_opens_the_circuit_and_the_backlog_follows_when_it_heals(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    ingress.react = lambda call: Reaction(how="silent")
    callbacks = [gateway.issue() for _ in range(40)]
    seconds: list[float] = []

    async def complete(client: httpx.AsyncClient, callback: Issued) -> int:
        webhook = event()
        begun = time.monotonic()
        answer = await client.post(callback.path, content=webhook.body, headers=webhook.headers)
        seconds.append(time.monotonic() - begun)
        return answer.status_code

    async with httpx.AsyncClient(base_url=f"http://{gateway.address}", trust_env=False, timeout=15) as client:
        first = await asyncio.gather(*(complete(client, callback) for callback in callbacks[:20]))
        assert set(first) == {202}
        assert max(seconds) < PATIENCE
        # Five in a row have failed: nobody waits for the next ones.
        seconds.clear()
        tried = len(ingress.calls)
        assert {await complete(client, callback) for callback in callbacks[20:]} == {202}
        assert sum(seconds) < PATIENCE
        assert sorted(seconds)[len(seconds) // 2] < 0.2
        assert len(ingress.calls) - tried <= 2
    ready = gateway.anonymous.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["pending"] == 40
    healed = time.monotonic()
    ingress.react = lambda call: Reaction()
    for callback in callbacks:
        await asyncio.to_thread(gateway.wait_for_outcome, callback.id, "completed")
    assert time.monotonic() - healed < 15


@pytest.mark.parametrize("dead", ["silent", "refused"])
def test_the_next_address_is_asked_within_half_a_second(
    start_gateway: StartGateway, own_ingress: FakeIngress, ingress: FakeIngress, dead: str
) -> None:
    ingress.react = lambda call: Reaction(how="silent")
    (nobody,) = free_ports(1)
    first = ingress.url if dead == "silent" else f"http://127.0.0.1:{nobody}"
    gateway = start_gateway([first, own_ingress.url])
    status, outcome, seconds = _completes(gateway, gateway.issue())
    assert (status, outcome) == (200, "completed")
    assert seconds < 0.9
    # From then on the one that answered comes first.
    status, outcome, seconds = _completes(gateway, gateway.issue())
    assert (status, outcome) == (200, "completed")
    assert seconds < 0.3


def test_what_restate_does_not_know_stays_pending_and_arrives_with_the_deployment(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    ingress.react = InTurn([Reaction(404), Reaction(404), Reaction()])
    callback = gateway.issue(target={"workflow": "Checkout", "key": "7", "promise": "payment"})
    assert _completes(gateway, callback)[:2] == (202, "pending")
    # The provider does not wait for the note of it, so it is looked for until the next try.
    seen = set()
    while gateway.outcomes(callback.id) != ["completed"]:
        (delivery,) = gateway.callback(callback.id)["deliveries"]
        seen.add((delivery["outcome"], delivery["error"]))
        assert len(ingress.calls_for(callback.id)) <= 3
        time.sleep(0.02)
    assert ("pending", "HTTP 404") in seen
    calls = ingress.calls_for(callback.id)
    assert {call.path for call in calls} == {"/restate/send/Checkout/7/gateway_callback"}
    assert len({call.headers["idempotency-key"] for call in calls}) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 401, 302])
def test_an_answer_that_may_change_is_tried_again(
    gateway: RunningGateway, ingress: FakeIngress, status: int
) -> None:
    elsewhere = (("location", f"{ingress.url}/elsewhere"),)
    ingress.react = InTurn([Reaction(status, headers=elsewhere), Reaction()])
    callback = gateway.issue()
    assert _completes(gateway, callback)[:2] == (202, "pending")
    gateway.wait_for_outcome(callback.id, "completed", seconds=5)
    assert len(ingress.calls_for(callback.awakeable)) == 2
    assert not any("elsewhere" in call.path for call in ingress.calls)


@pytest.mark.parametrize("status", [400, 413])
def test_a_refusal_for_good_is_dead_visible_and_does_not_block_the_next(
    gateway: RunningGateway, ingress: FakeIngress, status: int
) -> None:
    ingress.react = InTurn([Reaction(status, body=b"a text of Restate's"), Reaction()])
    callback = gateway.issue()
    assert _completes(gateway, callback)[:2] == (200, "dead")
    # The provider does not wait for this note.
    gateway.wait_for_outcome(callback.id, "dead", seconds=5)
    (delivery,) = gateway.callback(callback.id)["deliveries"]
    assert (delivery["outcome"], delivery["error"]) == ("dead", f"HTTP {status}")
    assert _completes(gateway, gateway.issue())[:2] == (200, "completed")
    time.sleep(1)
    assert len(ingress.calls_for(callback.awakeable)) == 1


@pytest.mark.parametrize(
    "reaction",
    [
        Reaction(200, body=b"x" * (1 << 20)),
        Reaction(202, body=b"\xff not JSON"),
        Reaction(202, headers=tuple((f"x-{number}", "y" * 1000) for number in range(50))),
    ],
    ids=["1 MiB", "no JSON", "50 kB of headers"],
)
def test_a_strange_answer_does_no_harm(
    gateway: RunningGateway, ingress: FakeIngress, reaction: Reaction
) -> None:
    ingress.react = InTurn([reaction, Reaction()])
    callback = gateway.issue()
    status, _, seconds = _completes(gateway, callback)
    assert status in (200, 202)
    assert seconds < PATIENCE
    gateway.wait_for_outcome(callback.id, "completed", seconds=5)


def test_the_events_of_a_stream_keep_their_order_over_an_outage(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue(target={"service": "Inbox", "key": os.urandom(6).hex(), "handler": "take"})
    ingress.react = InTurn([Reaction(503), Reaction(503), Reaction()])
    kinds = ["payment.created", "payment.processing", "payment.processing", "payment.succeeded"]
    for number, kind in enumerate(kinds):
        assert gateway.send(callback.path, event(kind, number=number)).json() == {"outcome": "pending"}
    gateway.wait_for_outcome(callback.id, "completed")
    accepted = [json.loads(call.body)["sequence"] for call in ingress.calls_for(callback.id)][2:]
    assert accepted == [1, 2, 3, 4]


def test_nothing_of_the_provider_but_its_event_goes_to_restate(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback, webhook = gateway.issue(target={"service": "S", "handler": "h"}), event()
    hostile = {
        "idempotency-key": "hostile",
        "x-restate-id": "hostile",
        "traceparent": "00-hostile0000000000000000000000000-0000000000000000-00",
        "authorization": "Bearer hostile",
        "cookie": "hostile",
    }
    answer = gateway.public.post(
        f"{callback.path}?delay=3650d&limit-key=hostile",
        content=webhook.body,
        headers=webhook.headers | hostile,
    )
    assert answer.json() == {"outcome": "completed"}
    (call,) = ingress.calls_for(callback.id)
    assert call.path == "/restate/send/S/h"
    assert "hostile" not in repr(call)
    assert not set(call.headers) - {
        *("content-type", "content-length", "idempotency-key", "host", "accept", "user-agent"),
    }
    assert not any(value in repr(call) for value in webhook.headers.values() if len(value) > 40)


def test_two_awakeables_of_one_invocation_each_get_their_own_event(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callbacks = [gateway.issue() for _ in range(2)]
    for number, callback in enumerate(callbacks):
        gateway.send(callback.path, event(number=number))

    def numbers(callback: Issued) -> list[int]:
        calls: list[Call] = ingress.calls_for(callback.awakeable)
        return [json.loads(call.body)["data"]["data"]["number"] for call in calls]

    assert [numbers(callback) for callback in callbacks] == [[0], [1]]
