"""A provider that signs nothing: its notifications wake the service, which asks the provider itself."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from stack.part import Part
from stack.ports import free_ports
from stack.stack import Stack
from tests.e2e.conftest import Scene, until


@dataclass
class PaymentProvider:
    """Its payments, by the order that they are for, and how often each was asked for."""

    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def of(self, order: str) -> dict[str, Any]:
        """The payment for an order, as soon as it was created."""
        (found,) = until(lambda: [p for p in list(self.payments.values()) if p["order"] == order])
        return found

    def notifies(self, payment: dict[str, Any], **form: str) -> httpx.Response:
        """Tell the gateway that a payment changed, and nothing else."""
        return httpx.post(payment["webhookUrl"], data=form or {"id": payment["id"]}, trust_env=False)


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[PaymentProvider, str]]:
    """The provider, and the address of its API."""
    made = PaymentProvider()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the base class calls it so
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            payment = {**body, "id": f"tr_{len(made.payments) + 1}", "status": "open"}
            made.payments[payment["id"]] = payment
            self._answer(payment)

        def do_GET(self) -> None:
            found = self.path.rpartition("/")[2]
            made.asked.append(found)
            self._answer(made.payments[found])

        def _answer(self, payment: dict[str, Any]) -> None:
            body = json.dumps({name: payment[name] for name in ("id", "status")}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def shop(
    stack: Stack, provider: tuple[PaymentProvider, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PaymentProvider]:
    """The provider, with a service that uses it registered at the stack's Restate."""
    made, url = provider
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    part = Part(
        name="notified",
        # Without workers: they would be processes of their own, and outlive the one that is killed.
        command=[
            *(sys.executable, "-m", "hypercorn", "--workers", "0"),
            *("--bind", bind, "tests.e2e.notified:app"),
        ],
        environment={
            "GATEWAY_URL": stack.internal_url,
            "GATEWAY_TOKEN_FILE": str(stack.files.client_token),
            "PROVIDER_URL": url,
        },
        log=Path(tmp_path_factory.mktemp("notified")) / "notified.log",
        ready=[f"http://{bind}/health"],
    )
    part.start()
    try:
        part.wait_ready()
        stack.restate.register(f"http://{bind}")
        yield made
    finally:
        # The SDK takes SIGTERM away from hypercorn's own command.
        part.kill()


def test_a_notification_wakes_and_the_provider_s_own_word_counts(scene: Scene, shop: PaymentProvider) -> None:
    invocation = scene.start("Shop/pay", scene.name)
    payment = shop.of(scene.name)
    # A forged one, ids of others, and one that comes too early: each wakes, none uses up the wait.
    for form in ({"id": "tr_other"}, {"id": "../../../etc"}, {}):
        answer = shop.notifies(payment, **form)
        assert (answer.status_code, answer.json()) == (200, {"outcome": "progress"})
    until(lambda: shop.asked.count(payment["id"]) == 3)
    assert set(shop.asked) == {payment["id"]}
    scene.suspended(invocation)
    payment["status"] = "paid"
    assert shop.notifies(payment).status_code == 200
    assert scene.result(invocation) == {"id": payment["id"], "status": "paid"}
    # The wait is over: what comes for refunds and the like finds nobody, and is told so.
    (late,) = until(lambda: [answer for answer in [shop.notifies(payment)] if answer.status_code == 410])
    assert late.json() == {"outcome": "late"}


def test_a_payment_that_failed_ends_the_wait_as_well(scene: Scene, shop: PaymentProvider) -> None:
    invocation = scene.start("Shop/pay", scene.name)
    payment = shop.of(scene.name)
    payment["status"] = "failed"
    shop.notifies(payment)
    assert scene.result(invocation) == {"id": payment["id"], "status": "failed"}
