"""
Paddle Billing, https://developer.paddle.com/webhooks/overview

Not Paddle Classic, which signs a form with RSA.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(
    prefix="pdl_ntf",
    prefix_needed=True,
    hint="the notification destination's secret key (pdl_ntfset_…) is needed, not an API key",
)

PADDLE = Provider(
    name="paddle",
    title="Paddle",
    documentation="https://developer.paddle.com/webhooks/signature-verification",
    secrets_from="in the dashboard under Developer Tools, Notifications, at the destination",
    quirks=(
        "Paddle Classic signs differently and is not taken",
        "a checkout that the browser opens has custom_data of its choice: look at the items and the amount",
    ),
    scheme=HeaderScheme(
        header="paddle-signature",
        grammar=Listed(between=";", within="="),
        algorithms=(("h1", Hmac(key_form=_KEY)),),
        templates=(Template.of(Field("ts"), ":", Body()),),
        # Its own libraries allow 5 s, which a proxy that queues would break.
        timestamp=Timestamp(source=Field("ts")),
    ),
    reader=FieldReader(
        type=at("event_type"),
        id=at("event_id"),
        time=at("occurred_at"),
        reason=at("data.payments.0.error_code|data.status"),
        references=(at("data.custom_data.reference"),),
        objects=(at("data.id"), at("data.transaction_id"), at("data.subscription_id")),
    ),
    covers="body",
    url="account",
    succeed_on=("transaction.completed",),
    fail_on=("transaction.canceled",),
    # A customer tries another card.
    fail_on_optional=("transaction.payment_failed",),
    deadline=timedelta(seconds=5),
    # Some 60 attempts.
    retries_for=timedelta(days=3),
    reference_field="data.custom_data.reference",
    unconfirmed=("5 s for an answer", "some 60 attempts over three days"),
)
