"""The public contract, row by row: what is refused, and how."""

from __future__ import annotations

import time

import pytest

from tests.gateway.conftest import Send
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import BODY_LIMIT, RunningGateway
from tests.gateway.webhooks import FOREIGN_SECRET, Webhook, event, signed
from tests.gateway.wire import exchange, post, problem_code


class TestRefused:
    def test_a_missing_wrong_or_stale_signature_is_401(
        self, gateway: RunningGateway, ingress: FakeIngress, send: Send
    ) -> None:
        callback = gateway.issue()
        genuine = event()
        forged = [
            genuine.without("webhook-signature"),
            genuine.without("webhook-id"),
            genuine.without("webhook-timestamp"),
            Webhook(genuine.body + b"\n", genuine.headers),
            Webhook(genuine.body, genuine.headers | {"webhook-signature": "v1,"}),
            Webhook(genuine.body, genuine.headers | {"webhook-signature": "\xe9\xff"}),
            event(secret=FOREIGN_SECRET),
            event(signed_at=time.time() - 600),
        ]
        for webhook in forged:
            answer = send(callback.path, webhook)
            assert answer.status == 401
            assert problem_code(answer) == "unverified"
        assert ingress.calls_for(callback.awakeable) == []
        assert send(callback.path, genuine).status == 200

    def test_a_signature_that_is_there_twice_is_401(self, gateway: RunningGateway) -> None:
        callback, genuine = gateway.issue(), event()
        for other in ("v1,bad", genuine.headers["webhook-signature"]):
            request = post(callback.path, genuine.body, genuine.headers | {"Webhook-Signature": other})
            assert exchange(gateway.address, request).status == 401

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not json",
            b'{"type": 1}x',
            b"\xef\xbb\xbf{}",
            b"[" * 60_000,
            b'{"a":NaN}',
            b'{"type":"a","type":"b"}',
        ],
        ids=lambda body: repr(body[:12]),
    )
    def test_authentic_but_unreadable_is_400(self, gateway: RunningGateway, send: Send, body: bytes) -> None:
        answer = send(gateway.issue().path, signed(body))
        assert answer.status == 400
        assert problem_code(answer) == "malformed"

    @pytest.mark.parametrize(
        "method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
    )
    def test_every_other_method_is_405_and_has_no_effect(
        self, gateway: RunningGateway, ingress: FakeIngress, method: str
    ) -> None:
        callback, webhook = gateway.issue(), event()
        for path in (callback.path, "/s/pay", "/c/pay/unknown"):
            request = post(path, webhook.body, webhook.headers).replace(b"POST", method.encode(), 1)
            answer = exchange(gateway.address, request)
            assert answer.status == 405
            assert answer.headers["allow"] == "POST"
        assert ingress.calls_for(callback.awakeable) == []
        assert gateway.callback(callback.id)["deliveries"] == []

    @pytest.mark.parametrize("method", ["post", "PoST", "GARBAGE"])
    def test_what_is_no_method_is_400_and_has_no_effect(self, gateway: RunningGateway, method: str) -> None:
        callback, webhook = gateway.issue(), event()
        request = post(callback.path, webhook.body, webhook.headers).replace(b"POST", method.encode(), 1)
        assert exchange(gateway.address, request).status == 400
        assert gateway.callback(callback.id)["deliveries"] == []

    @pytest.mark.parametrize(
        "encoding", ["gzip", "br", "zstd", "deflate", "gzip, identity", "identity, gzip", "x"]
    )
    def test_a_compressed_body_is_415_and_not_inflated(
        self, gateway: RunningGateway, send: Send, encoding: str
    ) -> None:
        webhook = event()
        answer = send(
            gateway.issue().path, Webhook(webhook.body, webhook.headers | {"content-encoding": encoding})
        )
        assert answer.status == 415
        assert problem_code(answer) == "unsupported_content"

    def test_a_second_content_encoding_does_not_hide_the_first(
        self, gateway: RunningGateway, send: Send
    ) -> None:
        webhook = event()
        for first, second in (("identity", "gzip"), ("gzip", "identity")):
            headers = webhook.headers | {"content-encoding": first, "Content-Encoding": second}
            assert send(gateway.issue().path, Webhook(webhook.body, headers)).status == 415

    @pytest.mark.parametrize(
        "media_type",
        [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/json-seq",
            "",
            "application/json" + "x" * 9000,
        ],
    )
    def test_a_media_type_that_the_provider_does_not_send_is_415(
        self, gateway: RunningGateway, send: Send, media_type: str
    ) -> None:
        webhook = event()
        answer = send(
            gateway.issue().path, Webhook(webhook.body, webhook.headers | {"content-type": media_type})
        )
        assert answer.status == 415
        assert answer.seconds < 0.5

    def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_413(
        self, gateway: RunningGateway, send: Send
    ) -> None:
        shell = len(event(text="").body)
        fits = event(text="x" * (BODY_LIMIT - shell))
        assert len(fits.body) == BODY_LIMIT
        assert send(gateway.issue().path, fits).status == 200
        answer = send(gateway.issue().path, event(text="x" * (BODY_LIMIT - shell + 1)))
        assert answer.status == 413
        assert problem_code(answer) == "body_too_large"

    def test_a_declared_gibibyte_is_413_before_any_byte_of_it(self, gateway: RunningGateway) -> None:
        path = gateway.issue().path
        for length in (32 << 20, 1 << 30, 10**18):
            head = post(path, b"", {"content-type": "application/json", "content-length": str(length)})
            assert exchange(gateway.address, head).status == 413
            expecting = head[:-2] + b"expect: 100-continue\r\n\r\n"
            assert exchange(gateway.address, expecting).status == 413

    def test_a_chunked_body_is_413_at_the_limit(self, gateway: RunningGateway) -> None:
        head = post(gateway.issue().path, b"", {"content-type": "application/json"})
        head = head.replace(b"content-length: 0", b"transfer-encoding: chunked")
        one_byte = b"1\r\nx\r\n"
        for chunks in ([one_byte * 1000] * 80, [b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 2):
            answer = exchange(gateway.address, head, *chunks)
            assert answer.status == 413
            assert answer.seconds < 5

    def test_a_body_that_stalls_is_408(self, gateway: RunningGateway) -> None:
        callback, webhook = gateway.issue(), event()
        whole = post(callback.path, webhook.body, webhook.headers)
        answer = exchange(gateway.address, whole[: -len(webhook.body) + 1])
        assert answer.status == 408
        assert problem_code(answer) == "body_too_slow"
        assert 0.9 < answer.seconds < 3

    def test_a_sender_that_hangs_up_in_its_body_has_no_effect_and_leaves_no_trace_in_the_log(
        self, gateway: RunningGateway
    ) -> None:
        callback, webhook = gateway.issue(), event()
        whole = post(callback.path, webhook.body, webhook.headers)
        exchange(gateway.address, whole[:-5], hang_up=True)
        assert gateway.callback(callback.id)["deliveries"] == []
        assert "Traceback" not in gateway.log

    @pytest.mark.parametrize(
        "headers",
        [
            {"x-large": "x" * 100_000},
            {f"x-{n}": "y" for n in range(5000)},
            {f"x-{n}": "y" for n in range(100)},
        ],
        ids=["100 kB", "5,000 headers", "104 headers"],
    )
    def test_headers_that_are_too_large_are_431(
        self, gateway: RunningGateway, send: Send, headers: dict[str, str]
    ) -> None:
        webhook = event()
        answer = send(gateway.issue().path, Webhook(webhook.body, webhook.headers | headers))
        assert answer.status == 431
        assert problem_code(answer) == "headers_too_large"

    def test_no_answer_is_a_redirect_or_has_a_banner(self, gateway: RunningGateway, send: Send) -> None:
        for path in (gateway.issue().path, gateway.issue().path + "/", "/s/pay/", "/c", "//"):
            answer = send(path, event())
            assert not 300 <= answer.status < 400
            assert "server" not in answer.headers
            assert "set-cookie" not in answer.headers
