"""The call that an effect becomes: its path, headers and body."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import envelope
from gateway.restate import Answered, RestateClient, idempotency_key, request
from gateway.rules import Verdict
from gateway.targets import Awakeable, Handler, Target, WorkflowPromise
from tests.core.samples import awakeable_id
from tests.core.test_envelope import EFFECT
from tests.core.test_targets import TARGETS


def _segments(target: Target) -> list[str]:
    match target:
        case Awakeable(id):
            return ["restate", "awakeables", id, "resolve"]
        case WorkflowPromise(workflow, key, _, handler):
            return ["restate", "send", workflow, key, handler]
        case Handler(service, None, handler):
            return ["restate", "send", service, handler]
        case Handler(service, key, handler):
            return ["restate", "send", service, str(key), handler]


@given(TARGETS)
def test_each_segment_of_a_path_comes_back_exactly(target: Target) -> None:
    path, _, _ = request(replace(EFFECT, target=target))
    assert re.fullmatch("[A-Za-z0-9/_.~%-]+", path)
    assert [unquote(part, errors="strict") for part in path.split("/")] == ["", *_segments(target)]


@given(TARGETS, st.sampled_from(Verdict), st.sampled_from(["reject", "resolve"]), st.text(st.characters()))
def test_no_header_comes_from_the_provider(
    target: Target, verdict: Verdict, on_failure: Any, said: str
) -> None:
    effect = replace(
        EFFECT,
        target=target,
        verdict=verdict,
        on_failure=on_failure,
        event_id=said,
        event_type=said,
        reason=said,
        media_type="text/x-of-the-provider",
    )
    _, headers, _ = request(effect)
    assert set(headers) <= {"content-type", "idempotency-key"}
    assert headers["content-type"] in ("application/json", "text/plain")
    assert ("idempotency-key" in headers) != isinstance(target, Awakeable)
    assert re.fullmatch("[A-Za-z0-9_-]{1,100}", headers.get("idempotency-key", "-"))


def test_a_success_resolves_an_awakeable_with_the_envelope() -> None:
    path, headers, body = request(EFFECT)
    assert path == f"/restate/awakeables/{awakeable_id()}/resolve"
    assert headers == {"content-type": "application/json"}
    assert body == envelope.build(EFFECT)


def test_a_failure_rejects_an_awakeable_with_a_line_of_text() -> None:
    path, headers, body = request(replace(EFFECT, verdict=Verdict.FAILED, reason="zu spät"))
    assert path == f"/restate/awakeables/{awakeable_id()}/reject"
    assert headers == {"content-type": "text/plain"}
    assert body.decode() == "payment_intent.succeeded: zu spät (event evt_123)"


def test_a_failure_resolves_where_that_was_asked_for() -> None:
    failed = replace(EFFECT, verdict=Verdict.FAILED, on_failure="resolve")
    path, _, body = request(failed)
    assert path.endswith("/resolve")
    assert body == envelope.build(failed)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_promise_and_a_stream_are_always_sent_the_envelope(verdict: Verdict) -> None:
    for target in (WorkflowPromise("Checkout", "order/1", "payment"), Handler("Inbox", None, "take")):
        effect = replace(EFFECT, target=target, verdict=verdict)
        path, _, body = request(effect)
        assert path in ("/restate/send/Checkout/order%2F1/gateway_callback", "/restate/send/Inbox/take")
        assert body == envelope.build(effect)


def test_an_idempotency_key_is_the_same_for_each_try_and_another_for_every_other_effect() -> None:
    changed = [
        EFFECT,
        replace(EFFECT, event_id="evt_124"),
        replace(EFFECT, source="stripe-us"),
        replace(EFFECT, callback_id="cb_01kapq5z3w0123456789abcdeg"),
        # Text does not move between the two.
        replace(EFFECT, source="stripe-e", event_id="uevt_123"),
    ]
    assert len({idempotency_key(effect) for effect in changed}) == len(changed)
    # What is not of its identity does not change it: a later try may have another body's order of things.
    again = replace(EFFECT, data=b"[]", reason="x", time="2026-11-22T21:00:00Z", sequence=7)
    assert idempotency_key(again) == idempotency_key(EFFECT)


@given(st.text(st.characters()), st.text(st.characters()))
def test_whatever_an_event_id_holds_its_key_is_safe_in_a_header(one: str, other: str) -> None:
    keys = [idempotency_key(replace(EFFECT, event_id=text)) for text in (one, other)]
    assert all(re.fullmatch("cb_[0-9a-z]{26}-[0-9a-f]{32}", text) for text in keys)
    if "?" not in one + other:  # halves of surrogate pairs are hashed as "?"
        encodable = [text.encode(errors="replace") for text in (one, other)]
        assert (keys[0] == keys[1]) == (encodable[0] == encodable[1])


class Wire:
    """A server that takes down a request's head as it is on the wire."""

    def __init__(self) -> None:
        self.head = b""
        self.done = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", self.head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        self.done.set()


@pytest.mark.parametrize(
    "key",
    ["a/b", "...", "a%2Fb", "%2e%2e", "a?delay=1d", "a#x", "a b", "شحن", "..;x", "\\..\\", "+", "é'\"<>"],
)
async def test_the_http_client_leaves_a_path_as_it_is(key: str) -> None:
    effect = replace(EFFECT, target=WorkflowPromise("Checkout", key, "payment"))
    wire = Wire()
    server = await asyncio.start_server(wire, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = RestateClient((f"http://127.0.0.1:{port}",))
    try:
        loop = asyncio.get_running_loop()
        result = await client.complete(effect, loop.time() + 5)
        await wire.done.wait()
    finally:
        client.close()
        server.close()
    assert result.answered is Answered.ACCEPTED
    method, target, _ = wire.head.split(b"\r\n")[0].split(b" ")
    assert method == b"POST"
    assert target.decode() == request(effect)[0]
    assert [unquote(part) for part in target.decode().split("/")][4] == key
