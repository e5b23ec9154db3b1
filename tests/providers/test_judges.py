"""Other people's libraries judge what we sign, and we what they sign."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from tests.providers.samples import NOW, SECRETS, URL, key, sample, signed

STANDARD, STRIPE = CATALOGUE["standard-webhooks"], CATALOGUE["stripe"]


def test_standardwebhooks_accepts_what_we_sign() -> None:
    delivery = signed("standard-webhooks", now=time.time())
    judge = Webhook(SECRETS["standard-webhooks"][0])
    assert judge.verify(delivery.body, dict(delivery.headers)) == json.loads(delivery.body)
    with pytest.raises(WebhookVerificationError):
        judge.verify(delivery.body + b" ", dict(delivery.headers))


@settings(max_examples=50, deadline=None)
@given(
    text=st.text(max_size=200),
    identity=st.from_regex(r"[A-Za-z0-9_]{1,40}", fullmatch=True),
    at=st.datetimes(),
)
def test_we_accept_what_standardwebhooks_signs(text: str, identity: str, at: datetime) -> None:
    at = at.replace(year=2026, microsecond=0, tzinfo=UTC)
    signature = Webhook(SECRETS["standard-webhooks"][0]).sign(identity, at, text.encode().decode())
    headers = [
        ("webhook-id", identity),
        ("webhook-timestamp", str(int(at.timestamp()))),
        ("webhook-signature", signature),
    ]
    delivery = Delivery("POST", URL, Headers(headers), text.encode(), NOW)
    assert STANDARD.verify(delivery, [key("standard-webhooks")], at.timestamp()) == 0


def test_stripe_accepts_what_we_sign() -> None:
    delivery = signed("stripe", now=time.time())
    header = delivery.headers.one("stripe-signature")
    event = stripe.Webhook.construct_event(delivery.body, header, SECRETS["stripe"][0])
    assert event.id == json.loads(delivery.body)["id"]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(delivery.body, header, SECRETS["stripe"][1])


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=200), at=st.integers(1_000_000_000, 4_000_000_000))
def test_we_accept_what_stripe_signs(text: str, at: int) -> None:
    signature = stripe.WebhookSignature._compute_signature(f"{at}.{text}", SECRETS["stripe"][0])
    headers = Headers([("stripe-signature", f"t={at},v1={signature}")])
    delivery = Delivery("POST", URL, headers, text.encode(), float(at))
    assert STRIPE.verify(delivery, [key("stripe")], float(at)) == 0


def test_an_api_key_is_no_signing_secret() -> None:
    with pytest.raises(ValueError, match="does not begin with whsec_") as caught:
        STRIPE.key(Secret("sk_live_51QxExample"))
    assert "51QxExample" not in str(caught.value)


def test_what_stripe_lets_through_and_we_do_not() -> None:
    # Its library accepts any time in the future, and the last of two times.
    delivery = signed("stripe", now=time.time() + 86_400)
    header = delivery.headers.one("stripe-signature")
    stripe.Webhook.construct_event(delivery.body, header, SECRETS["stripe"][0])
    with pytest.raises(Unverified, match="future"):
        STRIPE.verify(delivery, [key("stripe")], time.time())


def test_an_id_with_a_dot_cannot_be_moved_into_the_time() -> None:
    delivery = replace(
        sample("standard-webhooks").delivery, headers=Headers([("webhook-id", "msg_1.1795380000")])
    )
    with pytest.raises(ValueError, match="separator"):
        STANDARD.scheme.sign(delivery, key("standard-webhooks"), NOW)
    at = datetime.fromtimestamp(NOW, UTC)
    signature = Webhook(SECRETS["standard-webhooks"][0]).sign("msg_1.1795380000", at, "{}")
    headers = [
        ("webhook-id", "msg_1.1795380000"),
        ("webhook-timestamp", str(int(NOW))),
        ("webhook-signature", signature),
    ]
    with pytest.raises(Unverified, match="separator"):
        STANDARD.verify(Delivery("POST", URL, Headers(headers), b"{}", NOW), [key("standard-webhooks")], NOW)
