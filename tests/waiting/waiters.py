"""Invocations that wait for a callback, and what the gateway that watches them knows of it."""

from __future__ import annotations

import re
import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from gateway import targets
from gateway.targets import Awakeable
from stack.stack import Stack
from tests.gateway.webhooks import Webhook, event

Found = TypeVar("Found")
_ISSUED = re.compile(rb'"id":\s*"(cb_\w+)".*?"url":\s*"([^"]+)"')
#: Generous: other tests take the machine meanwhile.
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """An invocation, and the callback that it had issued."""

    invocation: str
    callback: str
    url: str


@dataclass
class Waiters:
    """Starts the handlers of `tests.waiting.handlers`, and looks at what the gateway knows of them."""

    stack: Stack
    mended: Path

    def start(self, handler: str = "wait", key: str | None = None, **ask: Any) -> str:
        """Start a handler; its invocation's id."""
        path = f"/Rerun/{key}/run/send" if key else f"/Waiter/{handler}/send"
        answer = self.stack.restate.ingress.post(path, json={"label": uuid.uuid4().hex, **ask})
        answer.raise_for_status()
        return str(answer.json()["invocationId"])

    def issued(self, *invocations: str) -> list[Waiting]:
        """The callbacks that these invocations had issued."""
        listed = ", ".join(f"'{invocation}'" for invocation in invocations)
        sql = f"SELECT id, raw FROM sys_journal WHERE id IN ({listed}) AND entry_type = 'Notification: Run'"

        def found() -> list[Waiting] | None:
            by_id = {
                row["id"]: _ISSUED.search(bytes.fromhex(row["raw"])) for row in self.stack.restate.query(sql)
            }
            if len(by_id) < len(invocations):
                return None
            matches = ((invocation, by_id[invocation]) for invocation in invocations)
            return [Waiting(of, m[1].decode(), m[2].decode()) for of, m in matches if m is not None]

        return until(found)

    def waiting(self, handler: str = "wait", key: str | None = None, **ask: Any) -> Waiting:
        """A new invocation with its callback."""
        (one,) = self.issued(self.start(handler, key, **ask))
        return one

    def end(self, one: Waiting, how: str) -> None:
        """Kill or cancel an invocation, or purge one that is over, and wait until Restate says so."""
        if how == "purge":
            self.end(one, "kill")
        if how != "timeout":
            self.stack.restate.admin.patch(f"/invocations/{one.invocation}/{how}").raise_for_status()
        wanted = [] if how == "purge" else [{"status": "completed"}]
        until(lambda: self.status(one.invocation) == wanted)

    def status(self, invocation: str) -> list[dict[str, Any]]:
        """The invocation's row in Restate."""
        return self.stack.restate.query(f"SELECT status FROM sys_invocation WHERE id = '{invocation}'")

    def send(self, one: Waiting, webhook: Webhook | None = None) -> httpx.Response:
        """
        Bring an event of the payment provider to a callback, a new one unless it is given.

        As a provider does, again where the answer is to try later: others have the machine as well.
        """
        webhook = webhook or self.event()

        def taken() -> httpx.Response | None:
            answer = self.stack.public.post(one.url, content=webhook.body, headers=webhook.headers)
            return None if answer.status_code == 503 else answer

        return until(taken)

    def event(self, kind: str = "payment.succeeded") -> Webhook:
        """A signed event of the payment provider."""
        return event(kind, secret=self.stack.files.acmepay_secret.read_text())

    def shown(self, one: Waiting) -> dict[str, Any]:
        """What the internal API shows of a callback."""
        answer = self.stack.gateway_api.get(f"/v1/callbacks/{one.callback}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def wait_for(self, one: Waiting, **expected: Any) -> None:
        """Return when the callback shows these values."""
        try:
            until(lambda: expected.items() <= self.shown(one).items())
        except AssertionError:
            shown = self.shown(one)
            raise AssertionError({name: shown[name] for name in expected}) from None

    def make_due(self, *ones: Waiting, **changes: int | str) -> None:
        """Have callbacks looked at now, as if minutes had passed; `changes` are SQL."""
        columns = ", ".join(f"{name} = {value}" for name, value in {**changes, "check_at": 1}.items())
        with closing(sqlite3.connect(self._database, timeout=10)) as ledger:
            ledger.executemany(
                f"UPDATE callbacks SET {columns} WHERE id = ?", [(one.callback,) for one in ones]
            )
            ledger.commit()

    def looked_at(self, *ones: Waiting) -> None:
        """Return when the gateway has looked at callbacks that were due."""
        marks = ", ".join("?" for _ in ones)
        sql = f"SELECT count(*) FROM callbacks WHERE check_at = 1 AND id IN ({marks})"

        def done() -> bool:
            with closing(sqlite3.connect(self._database)) as ledger:
                row = ledger.execute(sql, [one.callback for one in ones]).fetchone()
                return bool(row == (0,))

        until(done)

    def awakeable(self, one: Waiting) -> Awakeable:
        """The awakeable that a callback completes: it stands in the ledger only."""
        with closing(sqlite3.connect(self._database)) as ledger:
            (text,) = ledger.execute("SELECT target FROM callbacks WHERE id = ?", [one.callback]).fetchone()
        target = targets.load(text)
        assert isinstance(target, Awakeable)
        return target

    @property
    def _database(self) -> Path:
        return self.stack.files.gateway_toml.parent / "gateway.db"

    @property
    def log(self) -> str:
        """What the gateway has logged."""
        return self.stack.gateway.log.read_text(errors="replace")


def until(found: Callable[[], Found | None]) -> Found:
    """What a function returns once it is something."""
    deadline = time.monotonic() + _SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline, f"not so after {_SECONDS} s"
        time.sleep(0.1)
    return value
