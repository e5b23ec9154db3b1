"""`gateway serve --workers 2`: one gateway to providers, two replicas to the ledger, one program to ops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import psycopg

from tests.gateway.ingress import FakeIngress, Reaction
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import Webhook, event
from tests.gateway.wire import exchange, post
from tests.keys.command import Keys
from tests.workers.conftest import WORKERS
from tests.workers.processes import children, runs, until


def workers_of(gateway: RunningGateway) -> list[int]:
    """The process ids of its workers."""
    assert gateway.part.pid
    return children(gateway.part.pid)


def requests(gateway: RunningGateway) -> list[float]:
    """How many requests each worker has answered on the public listener, from its own metrics."""
    counted = []
    for address in gateway.internals:
        text = httpx.get(f"http://{address}/metrics", trust_env=False).text
        lines = [one for one in text.splitlines() if one.startswith("gateway_delivery_seconds_count")]
        counted.append(sum(float(line.rpartition(" ")[2]) for line in lines))
    return counted


def lines(gateway: RunningGateway, name: str) -> list[dict[str, object]]:
    """Its log lines of one event."""
    found = [json.loads(line) for line in gateway.log.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == name]


def shown(gateway: RunningGateway, address: str, path: str) -> Any:
    """What one worker's internal listener says at a path; None where nobody is there."""
    try:
        answer = httpx.get(f"http://{address}{path}", headers=gateway.api.headers, trust_env=False)
    except httpx.TransportError:
        return None
    assert answer.status_code == 200, answer.text
    return answer.json()


def primary(gateway: RunningGateway, address: str) -> str:
    """The key that a worker signs with."""
    (key,) = [key["id"] for key in shown(gateway, address, "/v1/keys") if key["status"] == "primary"]
    return str(key)


def outcomes(database: str) -> dict[str, int]:
    """How many events there are of each outcome."""
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT outcome, count(*) FROM events GROUP BY 1").fetchall()
    return {str(outcome): int(count) for outcome, count in found}


async def burst(gateway: RunningGateway, path: str, webhook: Webhook, count: int) -> Counter[int]:
    """Bring the same delivery so many times at once, each on a connection of its own; the statuses."""
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=15) as client:
        url = f"http://{gateway.address}{path}"
        sending = (client.post(url, content=webhook.body, headers=webhook.headers) for _ in range(count))
        return Counter(answer.status_code for answer in await asyncio.gather(*sending))


async def test_a_burst_of_one_delivery_reaches_all_workers_and_has_one_effect(
    gateway: RunningGateway, ingress: FakeIngress, database: str
) -> None:
    callback, webhook = gateway.issue(), event()
    statuses = await burst(gateway, callback.path, webhook, 60)
    assert set(statuses) <= {200, 202, 503}
    ingress.wait_for(callback.awakeable)
    gateway.wait_for_outcome(callback.id, "completed")
    assert len(ingress.calls_for(callback.awakeable)) == 1
    found = outcomes(database)
    assert found["completed"] == 1
    assert set(found) == {"completed", "duplicate"}
    assert all(taken > 5 for taken in requests(gateway)), "the kernel deals connections out to every worker"
    assert {line["worker"] for line in lines(gateway, "delivery")} == {1, 2}
    # The API is the same on every internal listener.
    for address in gateway.internals:
        assert shown(gateway, address, f"/v1/callbacks/{callback.id}")["state"] == "completed"
        assert shown(gateway, address, "/readyz")["ready"]


def test_a_worker_that_is_killed_under_load_is_replaced_and_nothing_acknowledged_is_lost(
    gateway: RunningGateway, ingress: FakeIngress, database: str
) -> None:
    ingress.react = lambda call: Reaction(delay=0.05)
    callbacks = [gateway.issue() for _ in range(120)]
    webhooks = [event() for _ in callbacks]
    before = workers_of(gateway)
    assert len(before) == WORKERS

    def send(number: int) -> int:
        if number == 40:
            os.kill(before[0], signal.SIGKILL)
        path, webhook = callbacks[number].path, webhooks[number]
        while True:  # as a provider does
            with suppress(OSError):
                status = exchange(gateway.address, post(path, webhook.body, webhook.headers)).status
                if status in (200, 202):
                    return status
            time.sleep(0.02)

    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(send, range(120)))
    assert set(statuses) <= {200, 202}
    until(lambda: len(workers_of(gateway)) == WORKERS and before[0] not in workers_of(gateway))
    assert before[1] in workers_of(gateway)
    for address in gateway.internals:
        until(partial(shown, gateway, address, "/readyz"))
    with psycopg.connect(database) as connection:
        # What was in flight in the killed one is due some seconds later; sooner, for this test.
        connection.execute("UPDATE events SET not_before = 0 WHERE outcome = 'pending'")
    for callback in callbacks:
        gateway.wait_for_outcome(callback.id, "completed", seconds=20)
    with ThreadPoolExecutor(16) as threads:
        repeated = threads.map(gateway.send, [one.path for one in callbacks], webhooks)
        assert {answer.json()["outcome"] for answer in repeated} == {"duplicate"}
    (line,) = lines(gateway, "a worker ended, another one takes its place")
    assert (line["level"], line["worker"], line["code"]) == ("error", 1, -signal.SIGKILL)
    assert "Traceback" not in gateway.log


def test_sigterm_under_load_answers_what_is_in_work_and_ends_all_in_time(
    gateway: RunningGateway, ingress: FakeIngress, database: str
) -> None:
    ingress.react = lambda call: Reaction(delay=0.8)
    callbacks = [gateway.issue() for _ in range(80)]
    workers = workers_of(gateway)
    with ThreadPoolExecutor(80) as threads:
        sending = [
            threads.submit(exchange, gateway.address, post(one.path, (hook := event()).body, hook.headers))
            for one in callbacks
        ]
        until(lambda: len(ingress.calls) == 80)
        begun = time.monotonic()
        gateway.part.terminate()
        answers = Counter(one.result().status for one in sending)
        code = gateway.part.join()
    assert code == 0
    assert time.monotonic() - begun < 10
    assert set(answers) <= {200, 202}
    assert not any(map(runs, workers))
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM replicas").fetchone() == (0,)
    assert sum(outcomes(database).values()) == 80
    assert set(outcomes(database)) <= {"completed", "pending"}
    assert len(lines(gateway, "stopping")) == WORKERS
    assert "Traceback" not in gateway.log


def test_workers_whose_parent_is_killed_end_and_the_next_start_has_the_port(gateway: RunningGateway) -> None:
    workers = workers_of(gateway)
    gateway.part.kill()
    until(lambda: not any(map(runs, workers)), seconds=10)
    assert len(lines(gateway, "stopping")) == WORKERS
    gateway.start()
    assert gateway.public.get("/livez").status_code == 200


def test_each_worker_is_a_replica_and_a_rotation_waits_for_all(gateway: RunningGateway) -> None:
    # Ports that nobody outside may reach: a doctor tries those of all.
    ports = gateway.api.post("/v1/doctor/probe").json()["private_ports"]
    assert {f"127.0.0.1:{port}" for port in ports.values()} > set(gateway.internals)
    names = [replica["name"] for replica in gateway.api.get("/v1/keys/replicas").json()]
    host = os.uname().nodename
    assert sorted(names) == sorted(f"{host}:{pid}" for pid in workers_of(gateway))
    keys = Keys(gateway.directory / "gateway.toml", gateway.part.environment)
    old = keys.ring.primary.id
    earlier = gateway.issue()
    keys.run("rotate", "--wait", "20s")
    assert keys.ring.primary.id != old
    for address in gateway.internals:
        until(lambda one=address: primary(gateway, one) == keys.ring.primary.id)  # type: ignore[misc]
    for _ in range(8):  # on whichever worker a new connection comes to
        # The old key's URL is known to it: only the signature is missing.
        asked = post(earlier.path, b"{}", {"content-type": "application/json"})
        assert exchange(gateway.address, asked).status == 401
