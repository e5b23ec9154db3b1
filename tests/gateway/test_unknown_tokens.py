"""Everything that was not given out is answered alike, byte for byte."""

from __future__ import annotations

import os
import random

import pytest

from tests.gateway.conftest import Send
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import event
from tests.gateway.wire import exchange, post, problem_code


class TestTokens:
    """Everything that was not given out is answered alike."""

    @pytest.fixture
    def same404(self, gateway: RunningGateway) -> tuple[int, dict[str, str], bytes]:
        """The answer to a random token."""
        webhook = event()
        answer = exchange(
            gateway.address, post(f"/c/pay/{os.urandom(60).hex()}", webhook.body, webhook.headers)
        )
        assert problem_code(answer) == "not_found"
        assert b"detail" not in answer.body
        assert set(answer.headers) == {"content-type", "content-length", "x-request-id", "date"}
        return answer.without_ids

    @pytest.mark.parametrize(
        "path",
        [
            *("/", "/c", "/c/", "/c/pay", "/c/pay/", "/c//t", "/s", "/s/", "/s/unknown", "/s/approvals"),
            *("/c/unknown/token", "/c/../x", "/c/pay/../../v1/keys", "/c/a%2Fb", "/c/%00/%00", "/c/x/%c0%af"),
            *(
                "/c/pay/a%252Fb",
                "/a/",
                "/a/token",
                "/a/../livez",
                "/C/pay/token",
                "/%63/pay/token",
                "//s/pay",
            ),
            *("/s/pay/", "/s/pay;x=1", "/s/pay%20", "/s/PAY", "/s/p%61y", "/livez/"),
            *(
                "/docs",
                "/redoc",
                "/openapi.json",
                "/metrics",
                "/debug",
                "/v1/callbacks",
                "/console",
                "/readyz",
            ),
            f"/c/pay/{'x' * 4096}",
            f"/c/pay/{'x' * 60_000}",
            f"/{'x' * 60_000}",
        ],
    )
    def test_a_path_that_was_not_given_out_gets_the_same_404(
        self, send: Send, same404: tuple[int, dict[str, str], bytes], path: str
    ) -> None:
        assert send(path, event()).without_ids == same404

    def test_random_tokens_of_every_length_get_the_same_404(
        self, send: Send, same404: tuple[int, dict[str, str], bytes]
    ) -> None:
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%41!$&'()*+,;=:@"
        chosen = random.Random(7)
        for length in (1, 2, 3, 10, 43, 44, 87, 150, 200, 1000, 4095, 4096, 4097, 8000):
            token = "".join(chosen.choice(letters) for _ in range(length))
            assert send(f"/c/pay/{token}", event()).without_ids == same404

    def test_a_token_that_is_changed_gets_the_same_404(
        self,
        gateway: RunningGateway,
        ingress: FakeIngress,
        send: Send,
        same404: tuple[int, dict[str, str], bytes],
    ) -> None:
        callback = gateway.issue()
        key, sealed, signature = callback.token.split(".")
        other = gateway.issue().token.split(".")
        changed = [
            *(
                f"{key}.{sealed}.{signature}{extra}"
                for extra in ("=", "A", "%3D", "%0A", "%20", "/", ";x", "%C3%A9")
            ),
            *(f"{key}.{sealed[:cut]}.{signature}" for cut in (0, 1, -1)),
            *(f"{key}.{sealed}.{signature[:cut]}" for cut in (0, 1, -1)),
            *(f"{key_id}.{sealed}.{signature}" for key_id in ("", "k2", "K1", "k" * 17, "k1'--", "%6b1")),
            *(f"{key}.{other[1]}.{signature}", f"{key}.{sealed}.{other[2]}", f"{sealed}.{signature}"),
            callback.token.swapcase(),
            callback.token.replace(".", "%2E"),
            f"%{ord(key[0]):x}{callback.token[1:]}",
        ]
        for token in changed:
            assert token != callback.token
            assert send(f"/c/pay/{token}", event()).without_ids == same404, token
        assert ingress.calls_for(callback.awakeable) == []
        assert send(callback.path, event()).status == 200

    def test_a_token_of_another_source_gets_the_same_404_although_the_signature_is_genuine(
        self,
        gateway: RunningGateway,
        ingress: FakeIngress,
        send: Send,
        same404: tuple[int, dict[str, str], bytes],
    ) -> None:
        callback = gateway.issue("pay")
        for source in ("pay-twin", "mailer", "stripe-eu"):
            assert send(f"/c/{source}/{callback.token}", event()).without_ids == same404
        assert send(f"/a/{callback.token}", event()).without_ids == same404
        assert ingress.calls_for(callback.awakeable) == []

    def test_a_token_is_judged_before_anything_else_of_the_request(
        self, gateway: RunningGateway, same404: tuple[int, dict[str, str], bytes]
    ) -> None:
        # No byte of the body is waited for, its type and its size do not matter.
        head = post("/c/pay/x", b"", {"content-type": "image/png", "content-length": "99999999"})
        answer = exchange(gateway.address, head)
        assert answer.without_ids == same404
        assert answer.seconds < 0.5
