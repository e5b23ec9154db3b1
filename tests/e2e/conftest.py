"""What happens outside, as the end-to-end tests say it: start a handler, find what it asked for, answer."""

from __future__ import annotations

import html
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest

from stack.stack import Stack

Found = TypeVar("Found")
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Scene:
    """A running stack, and a `name` that no other test has."""

    stack: Stack
    name: str

    def start(self, path: str, body: Any = None) -> str:
        """Start a handler (`Payments/charge`, `Checkout/key/run`); the invocation's id."""
        answer = self.stack.restate.ingress.post(f"/restate/send/{path}", json=body)
        answer.raise_for_status()
        return str(answer.json()["invocationId"])

    def call(self, path: str, body: Any = None) -> httpx.Response:
        """Call a handler and wait for it."""
        arguments = {} if body is None else {"json": body}
        return self.stack.restate.ingress.post(f"/restate/call/{path}", **arguments)

    def ended(self, invocation: str) -> httpx.Response:
        """How an invocation ends, waiting for it."""
        return self.stack.restate.ingress.get(f"/restate/invocation/{invocation}/attach")

    def result(self, invocation: str) -> Any:
        """What a handler returns."""
        answer = self.ended(invocation)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def suspended(self, invocation: str) -> None:
        """Return when the invocation waits, and no process holds it."""
        query = f"select status from sys_invocation where id = '{invocation}'"
        until(lambda: self.stack.restate.query(query) == [{"status": "suspended"}])

    def payment(self, description: str) -> str:
        """The id of the payment that was created with this description, as soon as it is there."""
        payments = until(
            lambda: [
                payment["id"]
                for payment in self.stack.world.get("/v1/payments").json()
                if payment["description"] == description
            ]
        )
        (one,) = payments
        return str(one)

    def pays(self, payment: str, event: str = "payment.succeeded", **more: Any) -> list[dict[str, Any]]:
        """Let a payment go on; what the gateway answered to the webhook."""
        answer = self.stack.world.post(
            f"/v1/payments/{payment}/simulate", json={"event": event, **more}
        ).raise_for_status()
        answers: list[dict[str, Any]] = answer.json()["answers"]
        return answers

    def email(self, to: str) -> dict[str, Any]:
        """The first e-mail to somebody, as soon as it is there."""
        emails = until(lambda: self.stack.world.get("/v1/emails", params={"to": to}).json())
        first: dict[str, Any] = emails[0]
        return first

    def decides(self, link: str, action: str, comment: str = "") -> httpx.Response:
        """Open an approval link and press a button; the page that follows."""
        page = httpx.get(link, trust_env=False)
        assert page.status_code == 200, page.text
        nonce = re.search(r'name="nonce" value="([^"]+)"', page.text)
        assert nonce is not None, page.text
        form = {"nonce": html.unescape(nonce[1]), "action": action, "comment": comment}
        return httpx.post(link, data=form, trust_env=False)


def until(look: Callable[[], Found]) -> Found:
    """What `look` sees, as soon as it is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing within {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.02)
    return seen


@pytest.fixture
def scene(stack: Stack) -> Scene:
    return Scene(stack, f"test-{uuid.uuid4().hex[:12]}")
