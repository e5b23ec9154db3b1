"""What a story can do: start handlers, move the outside world, and see what comes of it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any, TypeVar

from demo.screen import Screen
from stack.stack import Stack

Value = TypeVar("Value")
_PATIENCE = 30.0


class Unexpected(Exception):
    """Something did not come about at all."""


@dataclass(frozen=True)
class Waiting:
    """A payment at AcmePay, and the invocation that waits for it."""

    invocation: str
    payment: str


@dataclass(frozen=True)
class Answer:
    """How the gateway answered a webhook: the status, and the outcome where it names one."""

    status: int
    outcome: str | None

    def __str__(self) -> str:
        return f"{self.status} {self.outcome}" if self.outcome else str(self.status)


class Stage:
    """The stack as the stories see it."""

    def __init__(self, stack: Stack, screen: Screen) -> None:
        self.stack = stack
        self.say = screen.say
        self._screen = screen

    # The handlers.

    def start(self, handler: str, body: object) -> str:
        """Start a handler (`Payments/charge`, `Checkout/key/run`) without waiting; its invocation's id."""
        sent = self.stack.restate.ingress.post(f"/restate/send/{handler}", json=body)
        sent.raise_for_status()
        return str(sent.json()["invocationId"])

    def charge(self, amount: int = 4200, **order: object) -> Waiting:
        """Start `Payments/charge` and wait until AcmePay has the payment."""
        description = f"order {secrets.token_hex(4)}"
        invocation = self.start("Payments/charge", {"amount": amount, "description": description, **order})
        return Waiting(invocation, self.payment(description))

    def result(self, invocation: str) -> Any:
        """What the handler returns, once it does; `Unexpected` with its error where it fails."""
        with self._screen.waiting("the handler goes on"):
            answer = self.stack.restate.ingress.get(f"/restate/invocation/{invocation}/attach")
        if answer.status_code != 200:
            raise Unexpected(f"the handler failed: {answer.text[:200]}")
        return answer.json()

    def is_suspended(self, invocation: str) -> None:
        """Wait until nothing runs for the invocation: it has gone from memory and will be resumed."""
        # Restate's own names: alphanumeric, so nothing can break out of the quotes.
        query = f"select status from sys_invocation where id = '{invocation}'"

        def suspended() -> bool:
            return [row["status"] for row in self.stack.restate.query(query)] == ["suspended"]

        self.until("the handler suspends", suspended)

    # The outside world.

    def payment(self, description: str) -> str:
        """The id of the payment with a description, once AcmePay has it."""

        def found() -> str | None:
            payments = self.stack.world.get("/v1/payments").json()
            return next((p["id"] for p in payments if p["description"] == description), None)

        return self.until("AcmePay has the payment", found)

    def webhook(self, payment: str, event: str, **how: object) -> list[Answer]:
        """Let AcmePay send an event; the gateway's answers."""
        asked = self.stack.world.post(f"/v1/payments/{payment}/simulate", json={"event": event, **how})
        asked.raise_for_status()
        return [_answer(answer) for answer in asked.json()["answers"]]

    def one_webhook(self, payment: str, event: str, **how: object) -> Answer:
        """Let AcmePay send an event once; the gateway's answer."""
        (answer,) = self.webhook(payment, event, **how)
        return answer

    def email(self, to: str) -> dict[str, Any]:
        """The newest e-mail to somebody, once there is one."""

        def newest() -> dict[str, Any] | None:
            inbox = self.stack.world.get("/v1/emails", params={"to": to}).json()
            return inbox[-1] if inbox else None

        return self.until(f"{to} has mail", newest)

    def decide(self, link: str, action: str, comment: str = "") -> int:
        """What a person does: open the link, read the page, press a button. The status of the answer."""
        page = self.stack.public.get(link)
        nonce = re.search(r'name="nonce" value="([^"]+)"', page.text)
        if nonce is None:
            raise Unexpected(f"the page has no form ({page.status_code})")
        form = {"nonce": unescape(nonce[1]), "action": action, "comment": comment}
        return self.stack.public.post(link, data=form).status_code

    # Patience.

    def until(self, what: str, find: Callable[[], Value | None]) -> Value:
        """The first thing that `find` finds; `Unexpected` where that takes too long."""
        deadline = time.monotonic() + _PATIENCE
        with self._screen.waiting(what):
            while not (found := find()):
                if time.monotonic() > deadline:
                    raise Unexpected(f"it did not come about in {_PATIENCE:.0f} s that {what}")
                time.sleep(0.02)
        return found


def _answer(sent: dict[str, Any]) -> Answer:
    outcome = re.fullmatch(r'\{"outcome":"(\w+)"\}', sent["body"])
    return Answer(sent["status"], outcome[1] if outcome else None)
