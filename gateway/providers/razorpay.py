"""
Razorpay's webhooks, https://razorpay.com/docs/webhooks/

Not its browser callback, which is signed differently and with another key. The event's id comes in a
header that is not signed.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the secret of the webhook is needed, not the API key's")

RAZORPAY = Provider(
    name="razorpay",
    title="Razorpay",
    documentation="https://razorpay.com/docs/webhooks/validate-test/",
    secrets_from="a text of your choice, given where the webhook is made in the dashboard",
    quirks=(
        "the browser's callback is signed differently, with another key, and is not taken",
        "an endpoint that fails for 24 hours is switched off",
    ),
    scheme=HeaderScheme(header="x-razorpay-signature", algorithms=(("", Hmac(key_form=_KEY)),)),
    reader=FieldReader(
        type=at("event"),
        id=at("header:x-razorpay-event-id"),
        reason=at(
            "payload.payment.entity.error_description|payload.payout.entity.failure_reason"
            "|payload.payout.entity.status_details.description"
        ),
        references=(
            at("payload.*.entity.notes.reference"),
            at("payload.payment_link.entity.reference_id"),
            at("payload.order.entity.receipt"),
            at("payload.payout.entity.reference_id"),
        ),
        objects=(at("payload.*.entity.id"), at("payload.payment.entity.order_id")),
    ),
    covers="body",
    url="account",
    succeed_on=("payment.captured", "order.paid", "payment_link.paid", "payout.processed"),
    fail_on=(
        "payment_link.expired",
        "payment_link.cancelled",
        "payout.failed",
        "payout.rejected",
        "payout.reversed",
    ),
    # An order whose payment failed takes another payment.
    fail_on_optional=("payment.failed",),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(hours=24),
    reference_field="payload.*.entity.notes.reference",
    reference_max=256,
    unconfirmed=("an order's receipt holds 40 characters",),
)
