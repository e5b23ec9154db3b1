"""Sources with a secret, with several, with none, and those that sign nothing."""

from __future__ import annotations

import base64
import json

import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import FOREIGN_SECRET, PAY_SECRETS, Webhook, event, signed


class TestClosed:
    """A source without a secret, or whose secret is not there, takes nothing."""

    @pytest.mark.parametrize("source", ["closed", "absent"])
    def test_a_closed_source_answers_401_to_everything(
        self, gateway: RunningGateway, ingress: FakeIngress, source: str
    ) -> None:
        callback = gateway.issue(source)
        empty_secret = Webhook(b"{}", {"content-type": "application/json", "webhook-signature": "v1,"})
        for path in (callback.path, f"/s/{source}"):
            for webhook in (event(), event(secret=FOREIGN_SECRET), empty_secret, Webhook(b"", {})):
                answer = gateway.send(path, webhook)
                assert (answer.status_code, answer.json()["code"]) == (401, "unverified")
        assert ingress.calls_for(callback.awakeable) == []
        assert gateway.callback(callback.id)["deliveries"] == []

    def test_readiness_is_200_and_says_which_sources_are_closed(self, gateway: RunningGateway) -> None:
        answer = gateway.anonymous.get("/readyz")
        assert answer.status_code == 200
        ready = answer.json()
        assert ready["ready"]
        assert ready["closed_sources"] == ["absent", "closed"]
        (absent,) = ready["absent_secrets"]
        assert absent.startswith("sources.absent.secrets[0]: env:A_SECRET_THAT_NOBODY_SET")
        for name in ("absent", "closed"):
            assert any(f"sources.{name} is closed" in reason for reason in ready["reasons"])

    def test_the_log_says_at_start_which_sources_are_closed(self, gateway: RunningGateway) -> None:
        lines = [json.loads(line) for line in gateway.log.splitlines()]
        closed = [line["source"] for line in lines if "source closed" in line["event"]]
        assert sorted(closed) == ["absent", "closed"]


class TestSecrets:
    @pytest.mark.parametrize("secret", PAY_SECRETS, ids=["new", "old"])
    def test_each_of_several_secrets_is_accepted(self, gateway: RunningGateway, secret: str) -> None:
        callback = gateway.issue()
        assert gateway.send(callback.path, event(secret=secret)).json() == {"outcome": "completed"}

    def test_a_delivery_signed_by_both_secrets_is_accepted_in_either_order(
        self, gateway: RunningGateway
    ) -> None:
        for order in (PAY_SECRETS, PAY_SECRETS[::-1], (FOREIGN_SECRET, PAY_SECRETS[1])):
            signed_by = [event(event_id=f"msg_{order}", secret=secret) for secret in order]
            both = " ".join(one.headers["webhook-signature"] for one in signed_by)
            webhook = Webhook(signed_by[0].body, signed_by[1].headers | {"webhook-signature": both})
            assert gateway.send(gateway.issue().path, webhook).json() == {"outcome": "completed"}

    def test_a_foreign_secret_is_refused(self, gateway: RunningGateway, ingress: FakeIngress) -> None:
        callback = gateway.issue()
        assert gateway.send(callback.path, event(secret=FOREIGN_SECRET)).status_code == 401
        assert ingress.calls_for(callback.awakeable) == []

    def test_more_signatures_than_are_looked_at_are_refused(self, gateway: RunningGateway) -> None:
        genuine = event()
        many = " ".join(["v1," + "A" * 43 + "="] * 300 + [genuine.headers["webhook-signature"]])
        webhook = Webhook(genuine.body, genuine.headers | {"webhook-signature": many})
        assert gateway.send(gateway.issue().path, webhook).status_code == 401


class TestUnsigned:
    """A sender that signs nothing: the URL is the only proof."""

    def test_whoever_knows_the_url_completes(self, gateway: RunningGateway, ingress: FakeIngress) -> None:
        callback = gateway.issue("mailer")
        body = Webhook(
            b'{"type": "email.verified", "data": {"n": 1.10}}', {"content-type": "application/json"}
        )
        assert gateway.send(callback.path, body).json() == {"outcome": "completed"}
        (call,) = ingress.calls_for(callback.awakeable)
        assert call.body.endswith(b'"data":{"type": "email.verified", "data": {"n": 1.10}}}')
        assert json.loads(call.body)["type"] == "email.verified"

    @pytest.mark.parametrize(
        ("media_type", "body"),
        [
            ("text/plain", b"hello"),
            ("application/xml", b"<a/>"),
            ("application/octet-stream", bytes(range(256))),
            ("application/json", b"{not json"),
            ("application/json", b'{"a": NaN}'),
            ("", b""),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_what_is_not_json_travels_as_base64(
        self, gateway: RunningGateway, ingress: FakeIngress, media_type: str, body: bytes
    ) -> None:
        callback = gateway.issue("mailer")
        headers = {"content-type": media_type} if media_type else {}
        answer = gateway.send(callback.path, Webhook(body, headers))
        assert answer.json() == {"outcome": "completed"}
        (call,) = ingress.calls_for(callback.awakeable)
        envelope = json.loads(call.body)
        assert base64.b64decode(envelope["data_base64"]) == body
        assert "data" not in envelope

    def test_the_account_url_of_a_sender_that_signs_nothing_completes_nothing(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        callback = gateway.issue("mailer")
        body = {"type": "email.verified", "data": {"reference": callback.reference, "id": callback.id}}
        webhook = Webhook(json.dumps(body).encode(), {"content-type": "application/json"})
        assert gateway.send("/s/mailer", webhook).json() in (
            {"outcome": "unmatched"},
            {"outcome": "filtered"},
        )
        assert ingress.calls_for(callback.awakeable) == []


def test_numbers_and_texts_reach_the_service_byte_for_byte(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    body = (
        '{"type":"payment.succeeded","data":{"a":12345678901234567890,"b":1.00000000000000000001,"c":1.10,'
        '"d":-0,"e":1e400,"f":"\\u00e9é\\ud83d\\ude00","twice":1,"twice":2}}'
    ).encode()
    callback = gateway.issue()
    assert gateway.send(callback.path, signed(body)).json() == {"outcome": "completed"}
    (call,) = ingress.calls_for(callback.awakeable)
    assert call.body.endswith(b',"data":' + body + b"}")
