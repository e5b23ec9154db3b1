"""Connections that trickle, stall or say nothing are closed; those that work are left alone."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from gateway.http.connection import Connection, Listener
from gateway.http.request import Request
from stack.ports import free_ports

HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"


class Impatient(Connection):
    """The gateway's connection with less time."""

    head_seconds = 0.4
    rest_seconds = 0.7
    answer_seconds = 0.5


class _App:
    """Answers a short body once it is there, and a long one before."""

    async def __call__(self, request: Request) -> None:
        if int(dict(request.headers)[b"content-length"]) < 100:
            await request.read(100, 60, lambda size: None)
        request.answer(200, [], b"ok")

    def stop(self, request: Request) -> None:
        request.give_up()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """A server with impatient connections; an idle one is kept for a second."""
    (port,) = free_ports(1)
    config = Listener(
        _App(), 100, port=port, timeout_keep_alive=1, log_config=None, lifespan="off", ws="none"
    )
    config.http = Impatient
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield "127.0.0.1", port
    server.should_exit = True
    thread.join()


def _open_for(address: tuple[str, int], first: bytes, trickle: bytes, at_most: float = 6.0) -> float:
    """Send something, then a piece every 50 ms: the seconds until the other side closes."""
    begun = time.monotonic()
    with socket.create_connection(address, timeout=0.05) as connection:
        connection.sendall(first)
        while time.monotonic() - begun < at_most:
            try:
                if trickle:
                    connection.sendall(trickle)
                if not connection.recv(4096):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    return time.monotonic() - begun


@pytest.mark.parametrize(
    ("first", "trickle", "seconds"),
    [
        (b"", b"", 0.4),
        (b"POST / HTTP/1.1\r\nhost: a\r\nx: ", b"y", 0.4),
        (b"", b"P", 0.4),
        (HEAD % 100_000, b"z", 0.7),
        (HEAD % 2 + b"hi", b"", 1.0),
        (HEAD % 2 + b"hi" + b"POST / HTTP/1.1\r\nx: ", b"y", 0.4),
    ],
    ids=["nothing", "a head", "a method", "a body after its answer", "idle after an answer", "a second head"],
)
def test_what_does_not_get_to_the_point_is_closed(
    address: tuple[str, int], first: bytes, trickle: bytes, seconds: float
) -> None:
    open_for = _open_for(address, first, trickle)
    # A method of P P P is none and refused at once; everything else has its time.
    assert trickle == b"P" or seconds - 0.1 < open_for
    assert open_for < seconds + 1.0


def test_a_body_that_is_awaited_and_requests_one_after_the_other_are_left_alone(
    address: tuple[str, int],
) -> None:
    with socket.create_connection(address, timeout=5) as connection:
        for _ in range(3):
            connection.sendall(HEAD % 2 + b"h")
            time.sleep(0.7)
            connection.sendall(b"i")
            received = b""
            while not received.endswith(b"ok"):
                received += connection.recv(4096)
            time.sleep(0.6)
