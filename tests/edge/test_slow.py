"""
What stalls, trickles or does not read is cut within ten seconds, with the times that every gateway has.

All of them at once on one gateway, so that the ten seconds are paid once, and genuine deliveries beside them.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from tests.edge.genuine import deliver
from tests.edge.memory import files
from tests.gateway.conftest import StartGateway
from tests.gateway.webhooks import event
from tests.gateway.wire import post

_ANSWERED = post("/livez", b"", {}).replace(b"POST", b"GET", 1)
#: 10 s, and what a busy machine takes on top.
_CUT = 12.5


@dataclass(frozen=True, slots=True)
class Cut:
    """When the other side closed, after the first byte that was for nothing, and what it had said."""

    seconds: float
    said: bytes


def _trickle(address: tuple[str, int], first: bytes, trickle: bytes) -> Cut:
    """Send something, then a piece twice a second, until the other side closes."""
    with socket.create_connection(address, timeout=0.5) as connection:
        connection.sendall(first)
        begun = time.monotonic()
        said = b""
        while (seconds := time.monotonic() - begun) < 20:
            try:
                if trickle:
                    connection.sendall(trickle)
                    time.sleep(0.2)
                chunk = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not chunk:
                break
            said += chunk
    return Cut(seconds, said)


def _never_read(address: tuple[str, int], over: threading.Event) -> int:
    """Ask on and on without reading an answer, and keep the connection: how often it was asked."""
    large = post("/livez", b"", {"x": "y" * 8000}).replace(b"POST", b"GET", 1)
    asked = 0
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(1)
        connection.connect(address)
        with suppress(TimeoutError, ConnectionError):
            while not over.is_set():
                # Large ones, so that no read of the other side brings too many at once.
                connection.sendall(large * 10)
                asked += 10
        # Its end may not come through to us, behind the answers that we do not read: the other side knows.
        over.wait(60)
    return asked


def test_whoever_wastes_time_is_cut_within_ten_seconds(start_gateway: StartGateway) -> None:
    gateway = start_gateway(environment={"GATEWAY_LIMITS__BODY_TIME": "10s"})
    host, _, port = gateway.address.rpartition(":")
    address = (host, int(port))
    genuine = event()
    whole = post(gateway.issue().path, genuine.body, genuine.headers)
    head, _, _ = whole.partition(b"\r\n\r\n")
    declared = b"content-length: %d" % len(genuine.body)
    in_chunks = head.replace(declared, b"transfer-encoding: chunked") + b"\r\n\r\n"
    unknown = post("/c/pay/unknown", b"", {"content-length": "100000"})
    stalled_body = whole[: len(head) + 5]

    def trickle(first: bytes, piece: bytes) -> Callable[[], Cut]:
        return lambda: _trickle(address, first, piece)

    heads = {
        "nothing at all": trickle(b"", b""),
        "a method": trickle(b"PO", b""),
        "a path": trickle(b"POST /c/pay/", b"x"),
        "a header": trickle(b"POST /c/pay/x HTTP/1.1\r\nhost: a\r\nx: ", b"y"),
        "headers": trickle(b"POST /c/pay/x HTTP/1.1\r\nhost: a\r\n", b"x: y\r\n"),
        "empty lines": trickle(b"\r\n", b"\r\n"),
        "a second head": trickle(_ANSWERED + b"POST /c/pay/x HTTP/1.1\r\nx: ", b"y"),
    }
    bodies = {
        "a body after one byte": trickle(stalled_body, b""),
        "a body": trickle(stalled_body, b"x"),
        "a chunk's size": trickle(in_chunks, b"0"),
        "an extension": trickle(in_chunks + b"1;", b"x"),
        "chunks": trickle(in_chunks, b"1\r\nx\r\n"),
        "a trailer": trickle(in_chunks + b"1\r\nx\r\n0\r\nx: ", b"y"),
        "what it waited to be asked for": trickle(head + b"\r\nexpect: 100-continue\r\n\r\n", b""),
    }
    rests = {"a body that was answered before": trickle(unknown, b"x"), "and stalls": trickle(unknown, b"")}
    deliver(gateway)
    before = files(gateway.part.pid)
    with ThreadPoolExecutor(20) as threads:
        over = threading.Event()
        reader = threads.submit(_never_read, address, over)
        running = {name: threads.submit(one) for name, one in {**heads, **bodies, **rests}.items()}
        slowest = 0.0
        while not all(one.done() for one in running.values()):
            slowest = max(slowest, deliver(gateway))
            time.sleep(0.2)
        # The sockets are free again, also that of the one who never read; the genuine client keeps its own.
        deadline = time.monotonic() + _CUT
        while (left := files(gateway.part.pid)) > before + 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        over.set()
        assert left <= before + 1
        assert reader.result() > 0
        cuts = {name: one.result() for name, one in running.items()}
    assert {name: cut for name, cut in cuts.items() if cut.seconds > _CUT} == {}
    # Nobody is cut who had no time: a head and a body have ten seconds.
    assert {name: cuts[name] for name in (*heads, *bodies) if cuts[name].seconds < 9} == {}
    assert {name: cuts[name] for name in bodies if b"HTTP/1.1 408 " not in cuts[name].said} == {}
    assert {name: cuts[name] for name in rests if cuts[name].seconds > 5} == {}
    assert all(b" 404 " in cuts[name].said for name in rests)
    assert slowest < 3
    assert "Traceback" not in gateway.log
