"""Square, https://developer.squareup.com/docs/webhooks/overview"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, IssuedUrl, Template

SQUARE = Provider(
    name="square",
    title="Square",
    documentation="https://developer.squareup.com/docs/webhooks/step3validate",
    secrets_from=(
        "the subscription's signature key, in the Developer Console under the application, "
        "Webhooks, Subscriptions"
    ),
    quirks=("the URL is signed too: register it exactly as the gateway gives it",),
    scheme=HeaderScheme(
        header="x-square-hmacsha256-signature",
        algorithms=(("", Hmac(encoding="base64")),),
        templates=(Template.of(IssuedUrl(), Body()),),
    ),
    reader=FieldReader(
        type=at(
            "type+data.object.payment.status|type+data.object.refund.status|type+data.object.checkout.status"
            "|type"
        ),
        id=at("event_id"),
        time=at("created_at"),
        reason=at(
            "data.object.payment.card_details.errors.0.detail|data.object.payment.status"
            "|data.object.checkout.cancel_reason|data.object.refund.status"
        ),
        references=(
            at("data.object.payment.reference_id"),
            at("data.object.checkout.reference_id"),
        ),
        objects=(at("data.id"), at("data.object.payment.order_id")),
    ),
    covers="body",
    url="account",
    succeed_on=(
        "payment.updated.COMPLETED",
        "payment.created.COMPLETED",
        "terminal.checkout.updated.COMPLETED",
        "refund.updated.COMPLETED",
    ),
    fail_on=(
        "payment.updated.CANCELED",
        "terminal.checkout.updated.CANCELED",
        "refund.updated.REJECTED",
        "refund.updated.FAILED",
    ),
    # A customer whose card failed can pay the same order with another payment.
    fail_on_optional=("payment.updated.FAILED",),
    deadline=timedelta(seconds=10),
    # A newer page says 24 h; the longer one is the safe one.
    retries_for=timedelta(hours=72),
    reference_field="data.object.payment.reference_id",
    reference_max=40,
    unconfirmed=(
        "how long a delivery is repeated: 72 h on one page, 24 h on a newer one",
        "where the status of a refund and of a terminal checkout stands",
    ),
)
