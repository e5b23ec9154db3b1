"""Requests on a real connection: read, answered once, and left alone by what happens around them."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from uvicorn.server import ServerState

from gateway.errors import BodyTooLarge, BodyTooSlow, GatewayError
from gateway.http import connection
from gateway.http.connection import Connection, Listener
from gateway.http.request import HIGH_WATER, Request

Work = Callable[[Request], Awaitable[None]]
POST = b"POST /a?b=c HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"


class App:
    """An app that does what a test says; what it raises is kept."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.raised: list[BaseException] = []
        self.stopped: list[Request] = []

    async def __call__(self, request: Request) -> None:
        """Do it."""
        try:
            await self._work(request)
        except BaseException as error:
            self.raised.append(error)

    def stop(self, request: Request) -> None:
        """Keep it."""
        self.stopped.append(request)
        request.give_up()


class Peer:
    """Whoever connected."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ServerState
    ) -> None:
        self.reader, self.writer, self.state = reader, writer, state

    async def says(self, text: bytes) -> bytes:
        """Send something; what there is of an answer after a while."""
        self.writer.write(text)
        await asyncio.sleep(0.05)
        return await self.hears()

    async def hears(self) -> bytes:
        """What there is of an answer by now."""
        try:
            return await asyncio.wait_for(self.reader.read(65536), 0.05)
        except TimeoutError:
            return b""


@asynccontextmanager
async def connected(app: connection.App) -> AsyncIterator[Peer]:
    """A connection to an app of its own."""
    state = ServerState()
    listener = Listener(app, 10, lifespan="off", log_config=None)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(listener, state, {}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield Peer(reader, writer, state)
    finally:
        writer.close()
        server.close()


def reading(limit: int = 1000, seconds: float = 5.0) -> tuple[App, list[bytes]]:
    """An app that reads bodies and says how long they were, and the bodies."""
    bodies: list[bytes] = []

    async def work(request: Request) -> None:
        bodies.append(await request.read(limit, seconds, lambda size: None))
        request.answer(200, [], b"%d" % len(bodies[-1]))

    return App(work), bodies


async def test_path_query_and_body_come_as_they_are() -> None:
    seen: list[Request] = []

    async def work(request: Request) -> None:
        seen.append(request)
        request.answer(200, [(b"x", b"y")], await request.read(10, 5, lambda size: None))

    async with connected(App(work)) as peer:
        assert await peer.says(POST % 2 + b"hi") == b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 2\r\n\r\nhi"
    (request,) = seen
    assert (request.method, request.path, request.query) == ("POST", b"/a", b"b=c")
    assert request.headers == [(b"host", b"a"), (b"content-length", b"2")]
    assert request.peer == "127.0.0.1"


async def test_whoever_wants_to_be_asked_for_the_body_is_asked_once() -> None:
    app, bodies = reading()
    async with connected(app) as peer:
        head = (POST % 4)[:-2] + b"expect: 100-continue\r\n\r\n"
        assert await peer.says(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert await peer.says(b"ab") == b""
        assert (await peer.says(b"cd")).endswith(b"4")
    assert bodies == [b"abcd"]


async def test_a_sender_that_hangs_up_after_the_last_byte_is_taken_and_one_before_it_is_not() -> None:
    app, bodies = reading()
    async with connected(app) as peer:
        peer.writer.write(POST % 2 + b"hi")
        peer.writer.close()
        await asyncio.sleep(0.05)
    assert bodies == [b"hi"]
    async with connected(app) as peer:
        peer.writer.write(POST % 2 + b"h")
        await peer.writer.drain()
        peer.writer.close()
        await asyncio.sleep(0.05)
    assert [type(error).__name__ for error in app.raised] == ["Malformed"]


@pytest.mark.parametrize(
    ("limit", "seconds", "sent", "error"),
    [
        (3, 5.0, POST % 4 + b"abcd", BodyTooLarge),
        (
            3,
            5.0,
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n",
            BodyTooLarge,
        ),
        (9, 0.05, POST % 4 + b"abc", BodyTooSlow),
    ],
    ids=["at once", "in chunks", "late"],
)
async def test_a_body_that_is_too_large_or_too_slow_ends_there(
    limit: int, seconds: float, sent: bytes, error: type[GatewayError]
) -> None:
    app, bodies = reading(limit, seconds)
    async with connected(app) as peer:
        await peer.says(sent)
        await asyncio.sleep(0.1)
    assert bodies == []
    assert [type(one) for one in app.raised] == [error]


async def test_a_large_body_waits_in_the_sender_until_it_is_read() -> None:
    go = asyncio.Event()
    sizes: list[int] = []

    async def work(request: Request) -> None:
        await go.wait()
        request.answer(200, [], b"%d" % len(await request.read(1 << 24, 5, sizes.append)))

    async with connected(App(work)) as peer:
        size = 8 << 20
        peer.writer.write(POST % size + bytes(size))
        await asyncio.sleep(0.2)
        (request,) = peer.state.tasks
        assert cast(Request, request)._unread < 8 * HIGH_WATER
        go.set()
        await asyncio.sleep(0.2)
        assert (await peer.hears()).endswith(b"%d" % size)
    assert sum(sizes) == size


async def test_only_the_first_answer_is_sent_and_none_with_a_line_break_in_a_header() -> None:
    async def work(request: Request) -> None:
        with pytest.raises(ValueError, match="line break"):
            request.answer(200, [(b"x", b"y\r\nset-cookie: a")], b"")
        request.answer(202, [], b"one")
        request.answer(500, [], b"two")
        assert request.status == 202

    app = App(work)
    async with connected(app) as peer:
        answer = await peer.says(POST % 0)
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert answer.endswith(b"one")
    assert app.raised == []


@pytest.mark.parametrize(
    ("method", "status", "ends"),
    [(b"HEAD", 200, b"content-length: 3\r\n\r\n"), (b"GET", 204, b"No Content\r\n\r\n")],
)
async def test_to_head_and_with_204_goes_no_body(method: bytes, status: int, ends: bytes) -> None:
    async def work(request: Request) -> None:
        request.answer(status, [], b"abc")

    async with connected(App(work)) as peer:
        assert (await peer.says(b"%b / HTTP/1.1\r\nhost: a\r\n\r\n" % method)).endswith(ends)


async def test_a_status_that_nobody_has_registered_goes_without_a_phrase() -> None:
    async def work(request: Request) -> None:
        request.answer(498, [], b"")

    async with connected(App(work)) as peer:
        assert (await peer.says(POST % 0)).startswith(b"HTTP/1.1 498 \r\n")


async def test_requests_ahead_of_their_answers_are_answered_in_their_order() -> None:
    app, bodies = reading()
    async with connected(app) as peer:
        answers = await peer.says(b"".join(POST % len(body) + body for body in (b"a", b"bb", b"ccc")))
    assert bodies == [b"a", b"bb", b"ccc"]
    assert answers.count(b"200 OK") == 3
    assert answers.index(b"\n1HTTP") < answers.index(b"\n2HTTP") < len(answers) - 1


async def test_what_is_at_work_can_be_stopped_and_a_connection_without_work_is_closed() -> None:
    app = App(lambda request: asyncio.sleep(60))
    async with connected(app) as peer:
        assert await peer.says(POST % 0) == b""
        (task,) = peer.state.tasks
        task.cancel(msg="the server's stop may take no longer")
        await asyncio.sleep(0.05)
        assert len(app.stopped) == 1
        assert peer.state.tasks == set()
        assert peer.state.connections == set()
    async with connected(app) as peer:
        await asyncio.sleep(0.05)
        (idle,) = peer.state.connections
        idle.shutdown()
        assert await peer.reader.read() == b""


async def test_of_a_connection_that_is_over_nothing_is_left_for_the_garbage_collector() -> None:
    app, bodies = reading()
    gc.collect()
    gc.disable()
    try:
        async with connected(app) as peer:
            await peer.says(POST % 2 + b"hi")
            ((alive, request),) = [(one, one._latest) for one in peer.state.connections]  # type: ignore[union-attr]
            left = [weakref.ref(alive), weakref.ref(request.work)]
            del alive, request
        await asyncio.sleep(0.1)
        assert bodies == [b"hi"]
        assert [reference() for reference in left] == [None, None]
    finally:
        gc.enable()
