"""
Xendit, https://docs.xendit.co/apidocs/webhook-behavior

Nothing is signed: the account's callback token comes along. Ask Xendit before goods go out.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader, TokenScheme

XENDIT = Provider(
    name="xendit",
    title="Xendit",
    documentation="https://docs.xendit.co/apidocs/webhook-behavior",
    secrets_from="the account's webhook verification token, in the dashboard's settings under Webhooks",
    quirks=("a payout that succeeded can be reversed by the bank",),
    scheme=TokenScheme(place=InHeader("x-callback-token")),
    reader=FieldReader(
        # payment.succeeded, invoice.PAID
        type=at("event|text:invoice+status"),
        id=at("header:webhook-id"),
        time=at("created|updated|paid_at"),
        reason=at("data.failure_code|failure_code|status|data.status"),
        references=(
            at("external_id"),
            at("data.reference_id"),
            at("data.external_id"),
            at("reference_id"),
        ),
        objects=(at("id"), at("data.id"), at("data.payment_request_id"), at("data.payment_id")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="account",
    succeed_on=(
        "payment.succeeded",
        "payment.capture",
        "invoice.PAID",
        "invoice.SETTLED",
        "payout.succeeded",
    ),
    fail_on=("invoice.EXPIRED",),
    # The customer pays the same request in another way; a payout is made anew.
    fail_on_optional=("payment.failed", "payment.failure", "payout.failed"),
    deadline=timedelta(seconds=30),
    retries_for=timedelta(hours=24),
    reference_field="external_id",
    unconfirmed=("payment.capture and payment.failure, the names of the newer API",),
)
