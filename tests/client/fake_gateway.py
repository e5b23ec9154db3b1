"""
A gateway for the client's tests: it issues, closes and completes on demand, and remembers what it was asked.

It stands at the HTTP boundary: the real client calls it over a socket, and what it sends goes to a real
Restate server.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stack.ports import free_ports

TOKEN = "token-of-the-tests"


@dataclass
class Issued:
    """A callback: what was asked for, and how often."""

    id: str
    key: str
    path: str
    body: dict[str, Any]
    state: str = "open"
    #: What is sent when closing finds that an event came first.
    winners: tuple[dict[str, Any], ...] = ()
    sequence: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    aliases: list[str] = field(default_factory=list)


class FakeGateway:
    """
    `answers` are statuses to answer the next requests with, by the last part of their path, in place of
    doing anything. While `hangs`, it does what is asked and does not answer. `requests` are the last
    parts of all paths that were asked for, `keys` the idempotency keys of all requests to issue.
    """

    def __init__(self, ingress: httpx.Client) -> None:
        self.url = f"http://127.0.0.1:{free_ports(1)[0]}"
        self.issued: dict[str, Issued] = {}
        self.requests: list[str] = []
        self.keys: list[str] = []
        self.answers: dict[str, list[int]] = {}
        self.hangs = False
        self._ingress = ingress

    def the(self, label: str) -> Issued:
        """The one callback with this label, as soon as it is issued."""
        deadline = time.monotonic() + 20
        while True:
            found = [issued for issued in self.issued.values() if issued.body.get("label") == label]
            if found or time.monotonic() > deadline:
                (one,) = found
                return one
            time.sleep(0.01)

    def send(
        self,
        issued: Issued,
        data: Any = None,
        *,
        outcome: str = "succeeded",
        sequence: int | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Deliver an event as the gateway does; the envelope."""
        envelope = {
            "specversion": "1.0",
            "id": "evt_1",
            "source": "/sources/acmepay",
            "type": f"payment.{outcome}",
            "time": "2026-11-22T20:36:40Z",
            "subject": issued.id,
            "datacontenttype": "application/json",
            "provider": "standard-webhooks",
            "outcome": outcome,
            "data": data,
            **more,
        }
        target = issued.body["target"]
        if outcome == "failed":
            envelope.setdefault("reason", None)
        if "awakeable" in target:
            path = f"/restate/awakeables/{target['awakeable']}/resolve"
        elif "promise" in target:
            envelope["promise"] = target["promise"]
            path = f"/{target['workflow']}/{target['key']}/{target['handler']}/send"
        else:
            envelope["sequence"] = next(issued.sequence) if sequence is None else sequence
            path = f"/{target['service']}/{target['key']}/{target['handler']}/send"
        self._ingress.post(path, json=envelope).raise_for_status()
        return envelope

    def win(self, issued: Issued, *events: dict[str, Any]) -> None:
        """Let an event come first: closing is refused from now on, and the events are sent then."""
        issued.state = "completed"
        issued.winners = events

    async def _issue(self, request: Request) -> Response:
        body, key = await request.json(), request.headers["idempotency-key"]
        issued = self.issued.get(key)
        if issued is None:
            number = len(self.issued) + 1
            issued = self.issued[key] = Issued(f"cb_{number}", key, request.url.path, body)
        answer: dict[str, Any] = {"id": issued.id, "expires_at": "2026-11-23T00:00:00Z", "key_id": "k1"}
        if "recipients" in body:
            answer["urls"] = {name: f"http://hooks/a/{issued.id}-{name}" for name in body["recipients"]}
        else:
            answer |= {"url": f"http://hooks/c/{issued.id}", "account_url": "http://hooks/s/acmepay"}
            answer["reference"] = "abcdefghjkmnpqrstvwx"
        if body.get("source") == "account-only":
            answer["url"] = None
        return JSONResponse(answer, 201)

    async def _close(self, request: Request) -> Response:
        issued = self._known(request)
        if issued.state == "completed":
            winners, issued.winners = issued.winners, ()
            for event in winners:
                await asyncio.to_thread(self.send, issued, **event)
            return problem(409, "completing")
        issued.state = "closed"
        return JSONResponse({"id": issued.id, "state": "closed"})

    async def _alias(self, request: Request) -> Response:
        issued = self._known(request)
        issued.aliases.append((await request.json())["alias"])
        return JSONResponse({"id": issued.id, "alias": issued.aliases[-1]})

    def _known(self, request: Request) -> Issued:
        (issued,) = [i for i in self.issued.values() if i.id == request.path_params["id"]]
        return issued

    async def _answer(self, request: Request) -> Response:
        what = request.url.path.rpartition("/")[2]
        self.requests.append(what)
        if key := request.headers.get("idempotency-key"):
            self.keys.append(key)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "unauthorized")
        if status := next(iter(self.answers.get(what, ())), None):
            self.answers[what].pop(0)
            return problem(status, "asked_for")
        handler = {"close": self._close, "aliases": self._alias}.get(what, self._issue)
        answer = await handler(request)
        while self.hangs:  # noqa: ASYNC110 # the test that sets it runs in another thread
            await asyncio.sleep(0.01)
        return answer

    @contextmanager
    def serving(self) -> Iterator[FakeGateway]:
        """Serve in a thread."""
        app = Starlette(
            routes=[
                Route("/v1/callbacks", self._answer, methods=["POST"]),
                Route("/v1/approvals", self._answer, methods=["POST"]),
                Route("/v1/callbacks/{id}/close", self._answer, methods=["POST"]),
                Route("/v1/callbacks/{id}/aliases", self._answer, methods=["POST"]),
            ]
        )
        config = uvicorn.Config(app, port=int(self.url.rpartition(":")[2]), log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()


def problem(status: int, code: str) -> Response:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": f"this is {code}"}
    body |= {"code": code, "request_id": "req_1"}
    return JSONResponse(body, status, media_type="application/problem+json")
