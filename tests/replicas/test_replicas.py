"""Two gateway replicas on one PostgreSQL: what one of them did is done for both."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from typing import Any

import httpx
import psycopg
import pytest

from stack.postgres import Postgres
from tests.gateway.ingress import FakeIngress, Reaction
from tests.gateway.process import RunningGateway, new_awakeable
from tests.gateway.webhooks import Webhook, event
from tests.replicas.conftest import Replicas, Start

#: The ledger's 0.4 s, and what two busy cores need for fifty connections.
LEDGER_SECONDS, SLACK = 0.4, 1.0


async def at_once(replicas: Replicas, requests: list[tuple[str, Webhook]]) -> list[httpx.Response]:
    """Send webhooks at once, each on a connection of its own, to the replicas in turn."""
    limits = httpx.Limits(max_connections=len(requests))
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=15) as client:
        sending = (
            client.post(f"http://{replica.address}{path}", content=one.body, headers=one.headers)
            for replica, (path, one) in zip(itertools.cycle(replicas), requests, strict=False)
        )
        return list(await asyncio.gather(*sending))


def until_taken(replicas: Replicas, path: str, webhook: Webhook) -> httpx.Response:
    """Send a webhook as a provider does: again as long as it is answered 503."""
    for replica in itertools.islice(itertools.cycle(replicas), 200):
        answer = replica.send(path, webhook)
        if answer.status_code != 503:
            return answer
        time.sleep(0.05)
    raise AssertionError("still 503")


def outcomes(url: str, callback_id: str) -> Counter[str]:
    """The outcomes of a callback's events, from the database itself."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT outcome FROM events WHERE callback_id = %s", [callback_id])
        return Counter(row[0] for row in found)


async def test_fifty_times_the_same_delivery_on_two_replicas_have_one_effect(
    replicas: Replicas, ingress: FakeIngress, database: str
) -> None:
    one, other = replicas
    for issuer in (one, other, one):
        callback = issuer.issue()
        again = event()
        answers = await at_once(replicas, [(callback.path, again)] * 50)
        assert {answer.status_code for answer in answers} <= {200, 202, 503}
        assert until_taken(replicas, callback.path, again).json() == {"outcome": "duplicate"}
        ingress.wait_for(callback.awakeable)
        one.wait_for_outcome(callback.id, "completed")
        assert len(ingress.calls_for(callback.awakeable)) == 1
        assert outcomes(database, callback.id)["completed"] == 1
        assert set(outcomes(database, callback.id)) == {"completed", "duplicate"}


async def test_fifty_different_final_events_on_two_replicas_have_one_effect(
    replicas: Replicas, ingress: FakeIngress, database: str
) -> None:
    callback = replicas[0].issue()
    different = [(callback.path, event(amount=amount)) for amount in range(50)]
    answers = await at_once(replicas, different)
    assert {answer.status_code for answer in answers} <= {200, 202, 503}
    for answer, (path, one) in zip(answers, different, strict=True):
        if answer.status_code == 503:
            until_taken(replicas, path, one)
    replicas[1].wait_for_outcome(callback.id, "completed")
    assert len(ingress.calls_for(callback.awakeable)) == 1
    assert outcomes(database, callback.id)["completed"] == 1
    assert set(outcomes(database, callback.id)) == {"completed", "duplicate"}
    conflicts = [shown["conflict"] for shown in replicas[1].callback(callback.id)["deliveries"]]
    assert sum(conflicts) >= 49


async def test_an_event_sent_to_fifty_callbacks_at_once_completes_one(
    replicas: Replicas, ingress: FakeIngress, database: str
) -> None:
    # A captured delivery of one payment, brought to the URLs of others: its identity is locked, not its row.
    callbacks = [replicas[number % 2].issue() for number in range(50)]
    captured = event()
    await at_once(replicas, [(callback.path, captured) for callback in callbacks])
    for callback in callbacks:
        until_taken(replicas, callback.path, captured)
    won = [callback for callback in callbacks if outcomes(database, callback.id)["completed"]]
    assert len(won) == 1
    assert len({call.path for call in ingress.calls}) == 1


async def test_the_same_idempotency_key_on_two_replicas_at_once_gives_one_callback(
    replicas: Replicas,
) -> None:
    one, other = replicas
    for number in range(5):
        body = {"source": "pay", "target": {"awakeable": new_awakeable()}}
        headers = {"authorization": f"Bearer {one.tokens['orders']}", "idempotency-key": f"key-{number}"}

        async def issue(replica: RunningGateway, body: Any = body, headers: Any = headers) -> httpx.Response:
            headers = headers | {"authorization": f"Bearer {replica.tokens['orders']}"}
            async with httpx.AsyncClient(
                base_url=replica.anonymous.base_url, trust_env=False, timeout=15
            ) as client:
                return await client.post("/v1/callbacks", json=body, headers=headers)

        answers = await asyncio.gather(*(issue(replica) for replica in [one, other] * 5))
        assert {answer.status_code for answer in answers} <= {200, 201}, [a.text for a in answers]
        assert len({answer.json()["id"] for answer in answers}) == 1


async def test_fifty_replays_at_once_on_two_replicas_have_one_effect(
    replicas: Replicas, ingress: FakeIngress, database: str
) -> None:
    callback = replicas[0].issue()
    ingress.react = lambda call: Reaction(400)
    assert until_taken(replicas, callback.path, event()).json() == {"outcome": "dead"}
    replicas[1].wait_for_outcome(callback.id, "dead")
    (delivery,) = replicas[1].api.get("/v1/deliveries").json()["deliveries"]
    ingress.react = lambda call: Reaction(202)

    async def replay(replica: RunningGateway) -> httpx.Response:
        headers = {"authorization": f"Bearer {replica.tokens['orders']}"}
        async with httpx.AsyncClient(base_url=replica.anonymous.base_url, trust_env=False, timeout=15) as api:
            return await api.post(f"/v1/deliveries/{delivery['id']}/replay", headers=headers)

    answers = await asyncio.gather(*(replay(replica) for replica in replicas * 25))
    assert {answer.status_code for answer in answers} <= {200, 503}
    done = Counter(answer.json()["events"][0]["outcome"] for answer in answers if answer.is_success)
    assert set(done) <= {"completed", "pending", "duplicate"}
    replicas[1].wait_for_outcome(callback.id, "completed")
    assert outcomes(database, callback.id)["completed"] == 1
    # The one that was refused, and the one of the replay that won.
    assert len(ingress.calls_for(callback.awakeable)) == 2


def test_what_came_to_either_replica_is_found_on_both_page_by_page_and_by_every_filter(
    replicas: Replicas,
) -> None:
    issued = [replicas[number % 2].issue() for number in range(7)]
    for number, callback in enumerate(issued):
        kind = "payment.other" if number == 3 else "payment.succeeded"
        until_taken(replicas, callback.path, event(kind, event_id=f"evt_{number}"))
    newest_first = [f"evt_{number}" for number in reversed(range(7))]

    def found(replica: RunningGateway, **query: Any) -> list[str]:
        events, cursor = [], ""
        while cursor is not None:
            params: dict[str, Any] = {"limit": 3, "cursor": cursor} | query
            page = replica.api.get("/v1/deliveries", params=params)
            assert page.status_code == 200, page.text
            events += [one["events"][0]["event_id"] for one in page.json()["deliveries"]]
            cursor = page.json()["next"]
        return events

    for replica in replicas:
        assert found(replica) == newest_first
        assert found(replica, since="2000-01-01") == newest_first
        assert found(replica, outcome="filtered") == ["evt_3"]
        assert found(replica, callback=issued[2].id) == found(replica, event_id="evt_2") == ["evt_2"]
        assert found(replica, source="shop") == found(replica, since="2200-01-01") == []
        for query in ("cursor=%00", "cursor=cb_%00", "cursor='--"):
            assert replica.api.get(f"/v1/callbacks?{query}").status_code == 422
        for query in ("label=%ED%A0%80", "label=%00", "source='--", "source=%F0%9F%92%A9"):
            answer = replica.api.get(f"/v1/callbacks?{query}")
            assert (answer.status_code, answer.json()["callbacks"]) == (200, [])


async def test_couriers_of_two_replicas_share_a_backlog_without_doubling(
    replicas: Replicas, ingress: FakeIngress, database: str
) -> None:
    ingress.react = lambda call: Reaction(503)
    callbacks = [replicas[number % 2].issue() for number in range(100)]
    for number, callback in enumerate(callbacks):
        assert until_taken(replicas, callback.path, event(event_id=f"evt_{number}")).status_code == 202
    ingress.calls.clear()
    ingress.react = lambda call: Reaction(202)
    # As after a start: all of it is due at once, for both.
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE events SET not_before = 0 WHERE outcome = 'pending'")
    deadline = time.monotonic() + 20
    while any(outcomes(database, callback.id)["completed"] != 1 for callback in callbacks):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    accepted = Counter(call.path for call in ingress.calls)
    assert len(accepted) == 100
    assert set(accepted.values()) == {1}


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_while_postgresql_is_away_providers_are_told_to_try_later(
    start: Start, own_server: Postgres, ingress: FakeIngress, fault: str
) -> None:
    url = own_server.tcp_url(own_server.new_database())
    replicas = start(url)
    before = [replicas[number % 2].issue() for number in range(10)]
    assert until_taken(replicas, before[0].path, event()).status_code == 200
    await asyncio.to_thread(getattr(own_server, fault))
    for number, callback in enumerate(before[1:]):
        begun = time.monotonic()
        answer = replicas[number % 2].send(callback.path, event(event_id=f"evt_{number}"))
        assert time.monotonic() - begun < LEDGER_SECONDS + SLACK
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        # Strangers learn nothing of what is behind.
        assert "127.0.0.1" not in answer.text
        assert not ingress.calls_for(callback.awakeable)
    for replica in replicas:
        assert replica.anonymous.get("/livez").status_code == 200
        assert "ledger" in replica.anonymous.get("/readyz").text
    (own_server.start if fault == "kill" else own_server.thaw)()
    for number, callback in enumerate(before[1:]):
        again = until_taken(replicas, callback.path, event(event_id=f"evt_{number}"))
        assert again.status_code in (200, 202)
        replicas[0].wait_for_outcome(callback.id, "completed")
        assert len(ingress.calls_for(callback.awakeable)) == 1
    for replica in replicas:
        replica.anonymous.get("/readyz").raise_for_status()
        assert "hunter2" not in replica.log
