"""What a request carries beside its content: names, ambiguous framing, pipelining, upgrades."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import Send
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import Webhook, event
from tests.gateway.wire import exchange, post, read_all


class TestHosts:
    """Whatever name the request carries, nothing depends on it and nothing comes back."""

    @pytest.mark.parametrize(
        "host", ["evil.example", "a/?x=", "", "127.0.0.1:1", "a b", "[::1", "evil.example:99999"]
    )
    def test_a_host_header_is_not_looked_at_and_not_reflected(
        self, gateway: RunningGateway, send: Send, host: str
    ) -> None:
        answer = send(gateway.issue().path, event(), host=host)
        assert answer.status == 200
        for path in ("/c/pay/unknown", "/nothing", "/s/closed"):
            refused = send(path, event(), host=host)
            assert refused.status in (404, 401)
            assert not host or host.encode() not in refused.body + repr(refused.headers).encode()

    def test_forwarded_headers_are_not_looked_at(self, gateway: RunningGateway, send: Send) -> None:
        evil = {
            "x-forwarded-host": "evil.example",
            "x-forwarded-proto": "gopher",
            "forwarded": "host=evil.example",
        }
        webhook = event()
        answer = send(gateway.issue().path, Webhook(webhook.body, webhook.headers | evil))
        assert answer.status == 200
        assert b"evil" not in answer.body

    @pytest.mark.parametrize("target", ["http://evil.example{path}", "*", "evil.example:80", "{path}#x"])
    def test_a_target_in_another_form_is_not_reflected_and_never_5xx(
        self, gateway: RunningGateway, target: str
    ) -> None:
        callback, webhook = gateway.issue(), event()
        answer = exchange(
            gateway.address, post(target.format(path=callback.path), webhook.body, webhook.headers)
        )
        # An absolute form names the same resource (RFC 9112, 3.2.2).
        assert answer.status in ((200,) if target.startswith("http") else (200, 400, 404))
        assert b"evil" not in answer.body


class TestTransport:
    @pytest.mark.parametrize(
        "head",
        [
            b"host: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n",
            b"host: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n",
            b"host: a\r\ncontent-length: +5\r\n",
            b"host: a\r\ntransfer-encoding: chunked, identity\r\n",
            b"host: a\r\nx: a\x00b\r\n",
            b"host: a\r\nx: a\r\n b\r\n",
            b"host : a\r\n",
            b"host: a\nx: b\n",
        ],
        ids=["CL+TE", "two CL", "CL: +5", "TE: chunked, identity", "NUL", "obs-fold", "space", "bare LF"],
    )
    def test_an_ambiguous_request_is_400_and_closed(self, gateway: RunningGateway, head: bytes) -> None:
        path = gateway.issue().path.encode()
        answer = exchange(gateway.address, b"POST " + path + b" HTTP/1.1\r\n" + head + b"\r\nhello")
        assert answer.status == 400

    def test_a_path_of_raw_bytes_is_400(self, gateway: RunningGateway) -> None:
        answer = exchange(
            gateway.address, b"POST /c/pay/\xff\xfe HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
        )
        assert answer.status == 400

    def test_pipelined_requests_are_each_answered_once_and_in_order(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        callbacks = [gateway.issue() for _ in range(100)]
        webhooks = [event() for _ in callbacks]
        requests = b"".join(
            post(callback.path, webhook.body, webhook.headers)
            for callback, webhook in zip(callbacks, webhooks, strict=True)
        )
        last = post("/livez", b"", {"connection": "close"}).replace(b"POST", b"GET", 1)
        with_all = read_all(gateway.address, requests + last)
        assert with_all.count(b'{"outcome":"completed"}') == 100
        assert with_all.count(b"HTTP/1.1 200") == 101
        assert with_all.endswith(b"ok\n")
        assert all(len(ingress.calls_for(callback.awakeable)) == 1 for callback in callbacks)

    @pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0, x"])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_another_protocol_that_is_offered_is_not_taken_and_costs_nothing(
        self, gateway: RunningGateway, protocol: str, chunked: bool
    ) -> None:
        headers = {"connection": "Upgrade, HTTP2-Settings", "upgrade": protocol, "http2-settings": "AAMAAABk"}
        requests = b""
        for _ in range(3):
            callback, webhook = gateway.issue(), event()
            request = post(callback.path, webhook.body, webhook.headers | headers)
            if chunked:
                head, _, body = request.partition(b"\r\n\r\n")
                length = b"content-length: %d" % len(body)
                head = head.replace(length, b"transfer-encoding: chunked")
                request = b"%b\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (head, len(body), body)
            requests += request
        last = post("/livez", b"", {"connection": "close"}).replace(b"POST", b"GET", 1)
        answers = read_all(gateway.address, requests + last)
        assert answers.count(b'{"outcome":"completed"}') == 3
        assert b"101 " not in answers
        assert answers.endswith(b"ok\n")

    def test_a_tunnel_is_not_opened(self, gateway: RunningGateway) -> None:
        callback, webhook = gateway.issue(), event()
        request = post(callback.path, webhook.body, webhook.headers).replace(b"POST", b"CONNECT", 1)
        answers = read_all(gateway.address, request + request)
        assert answers.count(b"HTTP/1.1 ") == 1
        assert answers.startswith(b"HTTP/1.1 405")
        assert gateway.callback(callback.id)["deliveries"] == []
