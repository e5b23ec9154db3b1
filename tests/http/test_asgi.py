"""An ASGI app behind a connection of ours gets what ASGI promises it."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send

from gateway.http.asgi import Asgi
from tests.http.test_requests import POST, Peer, connected


class Seen:
    """An app that keeps what it is given: the scope, and messages until there are enough."""

    def __init__(self, messages: int) -> None:
        self.scope: Scope = {}
        self.messages: list[Any] = []
        self._wanted = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the messages, then answer in two pieces."""
        self.scope = scope
        while len(self.messages) < self._wanted:
            self.messages.append(await receive())
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        await send({"type": "http.response.body", "body": b"llo"})


def _behind(app: Any) -> Any:
    return connected(Asgi(app))


async def test_a_request_is_a_scope_and_its_body_a_message() -> None:
    app = Seen(1)
    async with _behind(app) as peer:
        answer = await peer.says((POST % 2).replace(b"/a?", b"/a%2Fb?") + b"hi")
    assert answer == (b"HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello")
    assert app.messages == [{"type": "http.request", "body": b"hi", "more_body": False}]
    assert (app.scope["path"], app.scope["raw_path"], app.scope["query_string"]) == (
        "/a/b",
        b"/a%2Fb",
        b"b=c",
    )


async def test_a_body_in_pieces_is_several_messages() -> None:
    app = Seen(2)
    async with _behind(app) as peer:
        await peer.says(POST % 4 + b"ab")
        assert (await peer.says(b"cd")).endswith(b"hello")
    assert [message["body"] for message in app.messages] == [b"ab", b"cd"]
    assert [message["more_body"] for message in app.messages] == [True, False]


async def test_whoever_hangs_up_is_a_message_too() -> None:
    app = Seen(2)
    async with _behind(app) as peer:
        await peer.says(POST % 2 + b"hi")
        peer.writer.close()
        await asyncio.sleep(0.05)
    assert app.messages[1] == {"type": "http.disconnect"}


async def test_a_defect_closes_the_connection_and_one_that_is_stopped_is_told_so() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("a text that may hold anything")

    async with _behind(broken) as peer:
        peer.writer.write(POST % 0)
        assert await peer.reader.read() == b""

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    async with _behind(endless) as peer:
        assert isinstance(peer, Peer)
        await peer.says(POST % 0)
        (task,) = peer.state.tasks
        task.cancel()
        await asyncio.sleep(0.05)
        assert (await peer.hears()).startswith(b"HTTP/1.1 503 ")
