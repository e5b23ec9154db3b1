"""Checkout.com, https://www.checkout.com/docs/developer-resources/webhooks"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme

CHECKOUT = Provider(
    name="checkout",
    title="Checkout.com",
    documentation="https://www.checkout.com/docs/developer-resources/webhooks/manage-webhooks/"
    "set-up-your-webhook-receiver",
    secrets_from="the signature key of the workflow's webhook action, not an API key (sk_…)",
    scheme=HeaderScheme(header="cko-signature", algorithms=(("", Hmac()),)),
    reader=FieldReader(
        type=at("type"),
        id=at("id"),
        time=at("created_on"),
        reason=at("data.response_summary"),
        references=(at("data.reference"), at("data.metadata.reference")),
        objects=(at("data.id"),),
    ),
    covers="body",
    url="account",
    succeed_on=("payment_captured", "card_verified"),
    fail_on=("payment_expired", "payment_canceled", "payment_voided"),
    # A declined customer can try again with the same reference.
    fail_on_optional=("payment_declined", "payment_capture_declined"),
    deadline=timedelta(seconds=10),
    # 5, 10, 15, 30 minutes, 1, 4, 12 and 12 hours.
    retries_for=timedelta(hours=30),
    reference_field="data.reference",
    reference_max=80,
    unconfirmed=("reference holds 80 characters", "a metadata value holds 500 characters"),
)
