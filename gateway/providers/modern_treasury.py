"""
Modern Treasury, https://docs.moderntreasury.com/platform/reference/webhooks

The event's id comes in a header that is not signed.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the webhook key is needed, not an API key")

MODERN_TREASURY = Provider(
    name="modern-treasury",
    title="Modern Treasury",
    documentation="https://docs.moderntreasury.com/platform/reference/webhooks",
    scheme=HeaderScheme(header="x-signature", algorithms=(("", Hmac(key_form=_KEY)),)),
    reader=FieldReader(
        # payment_order.completed; X-Topic says the same, and is not signed.
        type=at("data.object+event"),
        id=at("header:x-webhook-id"),
        time=at("data.updated_at"),
        reason=at("data.status_reason|data.current_return.reason|data.status"),
        references=(at("data.metadata.reference"),),
        objects=(at("data.id"),),
    ),
    covers="body",
    url="account",
    succeed_on=("payment_order.completed",),
    # An order that failed, was denied or came back can be drafted again under its id.
    fail_on=("payment_order.cancelled",),
    fail_on_optional=("payment_order.failed", "payment_order.denied", "payment_order.returned"),
    deadline=timedelta(seconds=5),
    reference_field="data.metadata.reference",
    unconfirmed=(
        "X-Webhook-ID is the same when a delivery is repeated",
        "a cancelled payment order stays cancelled",
        "where the reason of a failure stands",
        "over how long a delivery is repeated",
    ),
)
