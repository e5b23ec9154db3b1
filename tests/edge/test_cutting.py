"""However the bytes of a connection are cut, its requests are taken alike; whatever they are, it ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import httptools
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from gateway.errors import Malformed
from gateway.http.connection import Connection, Listener
from gateway.http.request import Request

BODIES = st.binary(max_size=40)
#: What a head may hold beside its framing: an offer of another protocol, an expectation.
EXTRAS = st.sampled_from(
    [b"", b"connection: upgrade\r\nupgrade: h2c\r\n", b"expect: 100-continue\r\n", b"x: \xff\xfe\r\n"]
)


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def write_eof(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0


class _Echo:
    """Answers with what it was sent: its path, its body, its headers' names."""

    async def __call__(self, request: Request) -> None:
        names = b" ".join(name for name, _ in request.headers)
        with suppress(Malformed):
            body = await request.read(1000, 60, lambda size: None)
            request.answer(200, [], b"%b|%b|%b" % (request.path, body.hex().encode(), names))

    def stop(self, request: Request) -> None:
        request.give_up()


async def _said(reads: list[bytes]) -> bytes:
    """What a connection answers to these reads, one after the other."""
    listener = Listener(_Echo(), 10, lifespan="off", ws="none", log_config=None)
    listener.load()
    state = ServerState()
    connection, transport = Connection(listener, state, {}), _Transport()
    connection.connection_made(transport)
    for read in reads:
        if not transport.closed:
            connection.data_received(read)
        await asyncio.sleep(0)
    for _ in range(40):
        await asyncio.sleep(0)
    connection.connection_lost(None)
    await asyncio.gather(*(cast(Request, one).work for one in state.tasks))
    return transport.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """The bytes of a valid request, and what it is answered with."""
    body, extra = draw(BODIES), draw(EXTRAS)
    names = [line.partition(b":")[0] for line in extra.splitlines()]
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(body)))
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part)
        trailer = draw(st.sampled_from([b"", b"x-late: 1\r\n"]))
        framing, rest = b"transfer-encoding: chunked", b"%b0\r\n%b\r\n" % (chunks, trailer)
    else:
        framing, rest = b"content-length: %d" % len(body), body
    path = draw(st.sampled_from([b"/c/pay/x", b"/s/pay"]))
    names = [b"host", *(name for name in names if name != b"upgrade"), framing.partition(b":")[0]]
    request = b"POST %b HTTP/1.1\r\nhost: a\r\n%b%b\r\n\r\n%b" % (path, extra, framing, rest)
    return request, b"%b|%b|%b" % (path, body.hex().encode(), b" ".join(names))


@st.composite
def cuts(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """Some bytes in pieces."""
    places = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=12)))
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


@given(st.data(), st.lists(requests(), min_size=1, max_size=4))
def test_requests_are_taken_alike_however_they_are_cut(
    data: st.DataObject, sent: list[tuple[bytes, bytes]]
) -> None:
    reads = data.draw(cuts(b"".join(request for request, _ in sent)))
    answers = b"".join(
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said) for _, said in sent
    )
    assert asyncio.run(_said(reads)) == answers


class _Answers:
    """A reader of answers that counts them."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def on_headers_complete(self) -> None:
        self.statuses.append(self.parser.get_status_code())

    @classmethod
    def of(cls, said: bytes) -> list[int]:
        answers = cls()
        answers.parser = httptools.HttpResponseParser(answers)
        answers.parser.feed_data(said)
        return answers.statuses

    parser: httptools.HttpResponseParser


@given(st.data(), requests(), st.binary(max_size=60), st.booleans())
def test_whatever_is_put_into_a_request_it_is_answered_in_http_or_not_at_all(
    data: st.DataObject, sent: tuple[bytes, bytes], noise: bytes, replaced: bool
) -> None:
    whole, _ = sent
    at = data.draw(st.integers(0, len(whole)))
    mangled = whole[:at] + noise + whole[at + (len(noise) if replaced else 0) :]
    said = asyncio.run(_said(data.draw(cuts(mangled))))
    assert set(_Answers.of(said)) <= {200, 400, 431}
