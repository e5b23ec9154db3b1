"""What is not HTTP, or could be read in two ways, is 400 or 431 and its connection ends; never a 5xx."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.edge.memory import resident
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import event
from tests.gateway.wire import exchange, post, problem_code, read_all

HEAD = b"POST /s/pay HTTP/1.1\r\nhost: a\r\n"
CHUNKED = HEAD + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"


class TestFraming:
    @pytest.mark.parametrize(
        "request_",
        [
            HEAD.replace(b"host: a\r\n", b"") + b"content-length: 0\r\n\r\n",
            HEAD + b"host: a\r\ncontent-length: 0\r\n\r\n",
            HEAD + b"Host: evil.example\r\ncontent-length: 0\r\n\r\n",
            CHUNKED + b"zz\r\n",
            CHUNKED + b"-1\r\n",
            CHUNKED + b"fffffffffffffffff\r\n",
            CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
            CHUNKED + b"5\r\nhelloX\r\n0\r\n\r\n",
            CHUNKED + b"5\nhello\n0\n\n",
            CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
            HEAD + b"transfer-encoding: xchunked\r\n\r\n",
            HEAD + b"transfer-encoding : chunked\r\n\r\n",
            HEAD + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
            HEAD + b"content-length: 0x5\r\n\r\nhello",
            HEAD + b"content-length: 5, 5\r\n\r\nhello",
            HEAD + b"content-length: -1\r\n\r\n",
            HEAD + b"content-length: 99999999999999999999999999\r\n\r\n",
            HEAD + b": empty name\r\n\r\n",
            HEAD + b"x\r\n\r\n",
            HEAD + b"x: \x00\r\n\r\n",
            HEAD + b"x: a\r\n folded\r\n\r\n",
            HEAD + b"x: a\rb: c\r\n\r\n",
            b"POST /s/pay HTTP/1.1\nhost: a\ncontent-length: 0\n\n",
            b"POST /s/pay HTTP/9.9\r\nhost: a\r\n\r\n",
            b"POST /s/pay\r\n\r\n",
            b"POST /s/p ay HTTP/1.1\r\nhost: a\r\n\r\n",
            # HTTP/2 without its TLS, TLS without its proxy, and nothing at all.
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
            b"\x00" * 1000,
            b"\xff\xfe{}%s\x1b[31m\r\n\r\n",
        ],
        ids=lambda request_: repr(request_.removeprefix(HEAD)[:36]),
    )
    def test_it_is_400_and_the_end(self, gateway: RunningGateway, request_: bytes) -> None:
        answer = exchange(gateway.address, request_, b"", seconds=5)
        assert answer.status == 400
        assert problem_code(answer) in ("malformed", "bad_request")
        assert "server" not in answer.headers
        # Nothing of it comes back, and what follows is not another request.
        everything = read_all(gateway.address, request_ + post("/livez", b"", {}).replace(b"POST", b"GET", 1))
        assert everything.count(b"HTTP/1.1 ") in (1, 2)
        assert b"evil" not in everything
        assert gateway.public.get("/livez").status_code == 200

    def test_what_came_before_it_on_the_connection_is_answered_first(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        callbacks = [gateway.issue() for _ in range(5)]
        requests = []
        for callback in callbacks:
            webhook = event()
            requests.append(post(callback.path, webhook.body, webhook.headers))
        everything = read_all(gateway.address, b"".join(requests) + b"GARBAGE\r\n\r\n")
        assert everything.count(b'{"outcome":"completed"}') == 5
        assert everything.count(b"HTTP/1.1 ") == 5
        assert all(len(ingress.calls_for(callback.awakeable)) == 1 for callback in callbacks)

    def test_a_header_behind_the_body_is_none(self, gateway: RunningGateway) -> None:
        callback, webhook = gateway.issue(), event()
        signature = webhook.headers["webhook-signature"]
        unsigned = webhook.without("webhook-signature")
        head = post(callback.path, b"", unsigned.headers)
        head = head.replace(b"content-length: 0", b"transfer-encoding: chunked")
        chunk = b"%x\r\n%b\r\n0\r\n" % (len(webhook.body), webhook.body)
        trailer = f"webhook-signature: {signature}\r\n\r\n".encode()
        assert exchange(gateway.address, head + chunk + trailer).status == 401
        assert gateway.callback(callback.id)["state"] == "open"


#: What has no end: its beginning, and what follows again and again.
ENDLESS = {
    "a path": (b"POST /", b"x" * 65536),
    "a header's name": (HEAD, b"x" * 65536),
    "a header": (HEAD + b"x: ", b"y" * 65536),
    "headers": (HEAD, b"x: y\r\n" * 10_000),
    "empty lines": (b"", b"\r\n" * 32_768),
    "a trailer": (CHUNKED + b"1\r\nx\r\n0\r\nx: ", b"y" * 65536),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"x: y\r\n" * 10_000),
    "a chunk's extension": (CHUNKED + b"1;x=", b"y" * 65536),
}


class TestEndless:
    def test_what_has_no_end_is_refused_and_not_held(self, gateway: RunningGateway) -> None:
        assert gateway.public.get("/livez").status_code == 200
        before = resident(gateway.part.pid)
        host, _, port = gateway.address.rpartition(":")

        def send(first: bytes, piece: bytes) -> tuple[float, bytes]:
            """The seconds until the other side closes, and what it had said."""
            received = b""
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(first)
                begun = time.monotonic()
                with suppress(OSError):
                    while time.monotonic() - begun < 15:
                        connection.sendall(piece)
                seconds = time.monotonic() - begun
                with suppress(OSError):  # its end came first
                    received = connection.recv(65536)
            return seconds, received

        with ThreadPoolExecutor(len(ENDLESS)) as threads:
            sending = {name: threads.submit(send, *one) for name, one in ENDLESS.items()}
            ended = {name: one.result() for name, one in sending.items()}
        assert {name: seconds for name, (seconds, _) in ended.items() if seconds > 8} == {}
        # The answer may be lost where the other side was still being sent to when it closed.
        assert all(not said or said.startswith(b"HTTP/1.1 431 ") for _, said in ended.values())
        assert resident(gateway.part.pid) < before + 32
        assert gateway.public.get("/livez").status_code == 200

    def test_the_answer_is_there_for_whoever_looks(self, gateway: RunningGateway) -> None:
        answer = exchange(gateway.address, HEAD, b"x: " + b"y" * 70_000)
        assert answer.status == 431
        assert problem_code(answer) == "headers_too_large"


def test_nothing_of_all_that_is_a_defect(gateway: RunningGateway) -> None:
    for line in gateway.log.splitlines():
        assert "Traceback" not in line
        assert "defect" not in line
