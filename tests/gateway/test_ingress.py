"""The way out over real sockets: whatever answers there, a call has its own answer or an `OSError`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ingress import Ingress
from tests.gateway.vendor import root_pem, server_tls

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[bool]]


class Scripted:
    """Answers each request as its script says; `requests` are all that came, `connections` their number."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""
        self.tasks: set[asyncio.Task[None]] = set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the script says that it is over."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            goes_on = True
            while goes_on:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                goes_on = await self.serve(self.requests[-1], writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    scripted = Scripted(serve)
    server = await asyncio.start_server(scripted.take, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scripted.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    yield scripted
    server.close()
    for task in scripted.tasks:
        task.cancel()
    await asyncio.gather(*scripted.tasks)


@asynccontextmanager
async def ingress(serve: Serve) -> AsyncIterator[tuple[Ingress, Scripted]]:
    async with serving(serve) as scripted:
        client = Ingress(scripted.url, 0.5)
        yield client, scripted
        client.close()


def always(answer: bytes, goes_on: bool = True) -> Serve:
    """A script that answers everything so."""

    async def serve(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(answer)
        return goes_on

    return serve


async def post(client: Ingress, path: str = "/x", within: float = 2.0) -> int:
    return await client.post(path, {"content-type": "application/json"}, b"{}", within)


async def test_a_call_is_one_request_on_a_connection_that_is_kept() -> None:
    async with ingress(always(ACCEPTED)) as (client, scripted):
        assert [await post(client) for _ in range(3)] == [202, 202, 202]
        assert scripted.connections == 1
        port = scripted.url.rpartition(":")[2]
        assert (
            scripted.requests[0]
            == (
                f"POST /x HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
                "content-length: 2\r\n\r\n{}"
            ).encode()
        )


async def test_each_of_many_at_once_has_its_own_answer() -> None:
    async def serve(request: bytes, writer: asyncio.StreamWriter) -> bool:
        status = int(request.split(b" ")[1][1:])
        await asyncio.sleep(status % 7 / 1000)
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 3\r\n\r\nabc" % status)
        return True

    async with ingress(serve) as (client, scripted):
        for _ in range(3):
            found = await asyncio.gather(*(post(client, f"/{400 + n}") for n in range(60)))
            assert found == [400 + n for n in range(60)]
        # None was sent twice: a connection that another call has by then is left to it.
        assert len(scripted.requests) == 180


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED,
        b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" + ACCEPTED,
    ],
)
async def test_every_way_to_frame_an_answer_is_read_to_its_end(answer: bytes) -> None:
    async with ingress(always(answer)) as (client, scripted):
        assert [await post(client), await post(client)] == [202, 202]
        assert scripted.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 202 Accepted\r\n\r\nwithout a length",
        b"HTTP/1.0 202 Accepted\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx",
    ],
)
async def test_an_answer_that_ends_with_its_connection_counts(answer: bytes) -> None:
    async with ingress(always(answer, goes_on=False)) as (client, scripted):
        assert [await post(client), await post(client)] == [202, 202]
        assert scripted.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 202 Acc",
        b"HTTP/1.1 202 Accepted\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx",
    ],
)
async def test_what_is_no_whole_answer_is_an_error(answer: bytes) -> None:
    async with ingress(always(answer, goes_on=False)) as (client, _):
        with pytest.raises(ConnectionError):
            await post(client)


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with ingress(always(moved)) as (client, scripted):
        assert await post(client) == 302
        assert len(scripted.requests) == 1


async def test_of_an_endless_body_only_the_status_counts() -> None:
    async def serve(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 100_000)
        await writer.drain()
        await asyncio.sleep(10)
        return False

    async with ingress(serve) as (client, _):
        assert await post(client) == 500


async def test_an_endless_head_is_an_error() -> None:
    async with ingress(always(b"HTTP/1.1 202 X\r\n" + b"a: b\r\n" * 50_000)) as (client, _):
        with pytest.raises(ConnectionError, match="no end"):
            await post(client)


async def test_no_answer_in_time_is_a_timeout_and_its_late_answer_nobody_elses() -> None:
    async def serve(request: bytes, writer: asyncio.StreamWriter) -> bool:
        if b"/slow" in request:
            await asyncio.sleep(0.2)
            writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n")
        else:
            writer.write(ACCEPTED)
        return True

    async with ingress(serve) as (client, scripted):
        assert await post(client) == 202
        with pytest.raises(TimeoutError):
            await post(client, "/slow", within=0.05)
        waiting = asyncio.create_task(post(client, "/slow"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        for _ in range(5):
            assert await post(client) == 202
            await asyncio.sleep(0.05)
        assert scripted.connections == 3


async def test_a_kept_connection_that_was_closed_is_replaced_once() -> None:
    async with ingress(always(ACCEPTED)) as (client, scripted):
        assert await asyncio.gather(*(post(client) for _ in range(5))) == [202] * 5
        scripted.serve = always(b"", goes_on=False)
        with pytest.raises(ConnectionError):
            await post(client)
        # Once more on a fresh connection, and not on each of those that are kept.
        assert len(scripted.requests) == 7
        scripted.serve = always(ACCEPTED)
        assert await post(client) == 202


async def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    async with ingress(always(ACCEPTED + ACCEPTED)) as (client, scripted):
        assert await post(client) == 202
        await asyncio.sleep(0.05)
        assert await post(client) == 202
        assert scripted.connections == 2


async def test_nobody_there_is_an_error_at_once() -> None:
    async with serving(always(ACCEPTED)) as scripted:
        client = Ingress(scripted.url, 0.5)
    with pytest.raises(OSError, match="Connect"):
        await post(client)


async def test_a_line_break_in_a_header_is_refused_before_anything_is_sent() -> None:
    async with ingress(always(ACCEPTED)) as (client, scripted):
        for path, value in (("/x\r\na: b", "c"), ("/x", "Bearer a\r\nb: c"), ("/x", "a\n")):
            with pytest.raises(ValueError, match="line break"):
                await client.post(path, {"authorization": value}, b"", 1)
        assert scripted.connections == 0


async def test_a_prefix_of_the_address_stands_before_each_path() -> None:
    async with serving(always(ACCEPTED)) as scripted:
        client = Ingress(f"{scripted.url}/restate/", 0.5)
        assert await post(client, "/send/x") == 202
        client.close()
        assert scripted.requests[0].startswith(b"POST /restate/send/x HTTP/1.1\r\n")


async def test_https_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(always(ACCEPTED), server_tls("localhost", tmp_path)) as scripted:
        with pytest.raises(ssl.SSLCertVerificationError):
            await post(Ingress(scripted.url, 2))
        (tmp_path / "root.pem").write_bytes(root_pem())
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
        client = Ingress(scripted.url, 2)
        assert await post(client) == 202
        client.close()


@given(st.lists(st.binary(max_size=60), max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_comes_is_an_answer_or_an_error(pieces: list[bytes]) -> None:
    async def serve(request: bytes, writer: asyncio.StreamWriter) -> bool:
        for piece in (b"HTTP/1.1 202 X\r\n", *pieces):
            writer.write(piece)
            await asyncio.sleep(0)
        return False

    async with ingress(serve) as (client, _):
        with suppress(OSError):
            assert 100 <= await post(client) <= 999
