"""Stopped, killed, started again, with the ledger out of reach: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import httpx
import pytest

from tests.gateway.conftest import StartGateway
from tests.gateway.ingress import FakeIngress, InTurn, Reaction
from tests.gateway.process import Issued, RunningGateway
from tests.gateway.webhooks import Webhook, event
from tests.gateway.wire import exchange, post


def test_sigterm_finishes_what_is_in_work_and_ends_in_time(
    start_gateway: StartGateway, own_ingress: FakeIngress
) -> None:
    gateway = start_gateway(environment={"GATEWAY_LISTEN__DRAIN": "1s"})
    own_ingress.react = lambda call: Reaction(delay=1.2)
    callbacks = [gateway.issue() for _ in range(200)]
    webhooks = [event() for _ in callbacks]
    host, _, port = gateway.address.rpartition(":")

    def send(callback: Issued, webhook: Webhook) -> tuple[int, bytes]:
        answer = exchange(gateway.address, post(callback.path, webhook.body, webhook.headers))
        return answer.status, answer.body

    with ThreadPoolExecutor(200) as threads, ExitStack() as idle:
        kept = [idle.enter_context(socket.create_connection((host, int(port)), 10)) for _ in range(20)]
        for connection in kept[:10]:  # the others have said nothing yet
            connection.sendall(post("/livez", b"", {}).replace(b"POST", b"GET", 1))
            answer = b""
            while not answer.endswith(b"ok\n"):  # its head may come in a packet of its own
                answer += connection.recv(65536)
        late = gateway.issue()
        sending = [threads.submit(send, *pair) for pair in zip(callbacks, webhooks, strict=True)]
        deadline = time.monotonic() + 5
        while len(own_ingress.calls) < 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        begun = time.monotonic()
        gateway.part.terminate()
        # Not ready at once, and still there for what a load balancer has sent by then.
        while (ready := gateway.anonymous.get("/readyz")).status_code == 200:
            assert time.monotonic() - begun < 1
        assert ready.json()["reasons"][0] == "stopping"
        own_ingress.react = lambda call: Reaction()
        assert gateway.send(late.path, event()).status_code == 200
        answers = [one.result() for one in sending]
        # Closed in order, with nothing half said.
        assert [connection.recv(65536) for connection in kept] == [b""] * 20
        code = gateway.part.join()
        seconds = time.monotonic() - begun
    assert Counter(answers) <= Counter(
        {(200, b'{"outcome":"completed"}'): 200, (202, b'{"outcome":"pending"}'): 200}
    )
    assert len(answers) == 200
    assert code == 0
    assert seconds < 10
    with closing(gateway.database) as database:
        # Every one is on record; the notes that Restate took them were written as well.
        outcomes = dict(database.execute("SELECT outcome, count(*) FROM events GROUP BY 1").fetchall())
    pending = answers.count((202, b'{"outcome":"pending"}'))
    assert outcomes.get("completed", 0) + outcomes.get("pending", 0) == 201
    assert outcomes.get("pending", 0) <= pending
    assert "Traceback" not in gateway.log


def test_what_is_in_work_when_the_stop_may_take_no_longer_is_503(start_gateway: StartGateway) -> None:
    gateway = start_gateway(environment={"GATEWAY_LIMITS__BODY_TIME": "60s"})
    callback, webhook = gateway.issue(), event()
    whole = post(callback.path, webhook.body, webhook.headers)
    with ThreadPoolExecutor(1) as threads:
        stalled = threads.submit(exchange, gateway.address, whole[:-5])
        time.sleep(0.3)
        begun = time.monotonic()
        assert gateway.part.stop() == 0
        assert time.monotonic() - begun < 10
        answer = stalled.result()
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "Traceback" not in gateway.log


def test_sigterm_does_not_wait_for_a_sender_that_stalls(own_gateway: RunningGateway) -> None:
    callback, webhook = own_gateway.issue(), event()
    whole = post(callback.path, webhook.body, webhook.headers)
    with ThreadPoolExecutor(1) as threads:
        stalled = threads.submit(exchange, own_gateway.address, whole[:-5])
        time.sleep(0.2)
        begun = time.monotonic()
        assert own_gateway.part.stop() == 0
        assert time.monotonic() - begun < 10
        assert stalled.result().status in (0, 400, 408)
    assert "Traceback" not in own_gateway.log


def test_a_backlog_survives_kill_9_and_is_delivered_by_the_next_start(
    own_gateway: RunningGateway, own_ingress: FakeIngress
) -> None:
    own_ingress.close()
    callbacks = [own_gateway.issue() for _ in range(50)]
    stream = own_gateway.issue(target={"service": "Inbox", "key": "7", "handler": "take"})
    for callback in callbacks:
        assert own_gateway.send(callback.path, event()).status_code == 202
    for number in range(10):
        assert own_gateway.send(stream.path, event("payment.processing", number=number)).status_code == 202
    own_gateway.part.kill()
    own_ingress.open()
    own_gateway.start()
    for callback in callbacks:
        own_ingress.wait_for(callback.awakeable, seconds=20)
    calls = own_ingress.wait_for(stream.id, 10, seconds=20)
    assert [json.loads(call.body)["sequence"] for call in calls] == list(range(1, 11))
    own_gateway.wait_for_outcome(callbacks[-1].id, "completed")
    assert all(len(own_ingress.calls_for(callback.awakeable)) == 1 for callback in callbacks)


def test_kill_9_between_restates_answer_and_the_providers_loses_nothing(
    own_gateway: RunningGateway, own_ingress: FakeIngress
) -> None:  # committed, told, not answered
    own_ingress.react = InTurn([Reaction(delay=3), Reaction()])
    callback, webhook = own_gateway.issue(), event()
    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(
            exchange, own_gateway.address, post(callback.path, webhook.body, webhook.headers)
        )
        own_ingress.wait_for(callback.awakeable)
        own_gateway.part.kill()
        assert sending.result().status == 0
    own_gateway.start()
    # The provider saw no answer and sends it again: it is known already, and goes out by itself.
    assert own_gateway.send(callback.path, webhook).json() == {"outcome": "duplicate"}
    own_gateway.wait_for_outcome(callback.id, "completed", seconds=15)
    first, second = own_ingress.calls_for(callback.awakeable)
    assert (first.path, first.body) == (second.path, second.body)


def test_a_locked_ledger_is_503_and_heals_without_a_restart(
    own_gateway: RunningGateway, own_ingress: FakeIngress
) -> None:
    callback = own_gateway.issue()
    with closing(own_gateway.database) as database:
        database.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            begun = time.monotonic()
            answer = own_gateway.send(callback.path, event(event_id="msg_locked_out"))
            assert time.monotonic() - begun < 1
            assert answer.status_code == 503
            assert answer.json()["code"] == "try_later"
            assert int(answer.headers["retry-after"]) > 0
        # What needs no ledger is answered as ever.
        assert own_gateway.send("/c/pay/unknown", event()).status_code == 404
        assert own_gateway.send(callback.path, event(signed_at=1)).status_code == 401
        assert own_gateway.anonymous.get("/livez").status_code == 200
        database.execute("ROLLBACK")
    deadline = time.monotonic() + 10
    while (answer := own_gateway.send(callback.path, event(event_id="msg_locked_out"))).status_code == 503:
        assert time.monotonic() < deadline
    assert answer.json()["outcome"] in ("completed", "duplicate")
    own_gateway.wait_for_outcome(callback.id, "completed", seconds=15)
    assert len(own_ingress.calls_for(callback.awakeable)) == 1


def test_a_full_disk_is_503_and_heals_without_a_restart(
    start_gateway: StartGateway, own_ingress: FakeIngress
) -> None:  # a bound on the size of a file stands in for the disk
    gateway = start_gateway()
    callback, other = gateway.issue(), gateway.issue()
    pid = gateway.part.pid
    assert pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    wal = (gateway.directory / "gateway.db-wal").stat().st_size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (wal, hard))
    answer = gateway.send(callback.path, event(text="x" * 40_000))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert own_ingress.calls_for(callback.awakeable) == []
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    for one in (callback, other):
        assert gateway.send(one.path, event()).json() == {"outcome": "completed"}


def test_more_requests_than_are_taken_at_a_time_are_503_and_the_gateway_is_alive(
    start_gateway: StartGateway, own_ingress: FakeIngress
) -> None:
    gateway = start_gateway(environment={"GATEWAY_LIMITS__CONCURRENCY": "3"})
    own_ingress.react = lambda call: Reaction(delay=1.0)
    callbacks = [gateway.issue() for _ in range(4)]
    webhooks = [event() for _ in callbacks]
    requests = [
        post(callback.path, webhook.body, webhook.headers)
        for callback, webhook in zip(callbacks, webhooks, strict=True)
    ]
    with ThreadPoolExecutor(3) as threads:
        taken = [threads.submit(exchange, gateway.address, request) for request in requests[:3]]
        for callback in callbacks[:3]:
            own_ingress.wait_for(callback.awakeable)
        refused = exchange(gateway.address, requests[3])
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        assert gateway.public.get("/livez").status_code == 200
        assert gateway.anonymous.get("/readyz").status_code == 200
        assert [one.result().status for one in taken] == [200, 200, 200]
    own_ingress.react = lambda call: Reaction()
    assert exchange(gateway.address, requests[3]).status == 200


@pytest.mark.parametrize("prefix", ["/hooks", "/x/y/"])
def test_a_public_url_with_a_path_works_whether_or_not_a_proxy_takes_it_off(
    start_gateway: StartGateway, prefix: str
) -> None:
    gateway = start_gateway(prefix=prefix)
    address = f"http://{gateway.address}"
    base = f"{address}{prefix.rstrip('/')}"
    for part_of_the_path in (address, base):  # passed on as it came; taken off
        target = {"service": "S", "handler": "h"}
        issued = gateway.api.post("/v1/callbacks", json={"source": "pay", "target": target}).json()
        assert issued["url"].startswith(f"{base}/c/pay/")
        assert issued["account_url"] == f"{base}/s/pay"
        path = issued["url"].removeprefix(part_of_the_path)
        assert gateway.send(path, event()).json() == {"outcome": "completed"}
        path = issued["account_url"].removeprefix(part_of_the_path)
        assert gateway.send(path, event()).json() == {"outcome": "unmatched"}
        body = {"title": "?", "recipients": ["ann"], "target": target}
        link = gateway.api.post("/v1/approvals", json=body).json()["urls"]["ann"]
        assert link.startswith(f"{base}/a/")
        page = gateway.public.get(link.removeprefix(part_of_the_path))
        assert page.status_code == 200
        # The form goes to where the page came from, whatever stands before it.
        assert "action=" not in page.text.partition("<form")[2].partition(">")[0]
    # The prefix once, and nothing that only looks like it.
    for path in (f"{prefix}{prefix}/s/pay", f"{prefix.rstrip('/')}x/s/pay", f"{prefix}/%2e%2e/s/pay", prefix):
        assert gateway.send(path, event()).status_code == 404


def test_a_second_gateway_on_the_same_ledger_is_refused(own_gateway: RunningGateway) -> None:
    command = [*own_gateway.part.command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "another gateway uses" in done.stderr
    assert "Traceback" not in done.stderr
    assert httpx.get(f"http://{own_gateway.address}/livez", trust_env=False).status_code == 200
