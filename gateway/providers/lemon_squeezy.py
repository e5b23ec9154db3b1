"""
Lemon Squeezy, https://docs.lemonsqueezy.com/help/webhooks

It repeats a delivery three times within three minutes and then never again.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the webhook's signing secret is needed (6 to 40 characters, chosen by you)")

LEMON_SQUEEZY = Provider(
    name="lemon-squeezy",
    title="Lemon Squeezy",
    documentation="https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
    secrets_from="in the store's settings under Webhooks",
    quirks=(
        "it repeats three times, within two and a half minutes",
        "whoever opens a checkout's URL can write its custom data: look at the variant and the amount",
    ),
    scheme=HeaderScheme(header="x-signature", algorithms=(("", Hmac(key_form=_KEY)),)),
    reader=FieldReader(
        # An order is created before it is paid, or without ever being: order_created.paid
        type=at("meta.event_name=order_created+data.attributes.status|meta.event_name"),
        # webhook_id is the subscription's; an object has each of its states once.
        id=at("meta.event_name+data.id+data.attributes.updated_at"),
        time=at("data.attributes.updated_at"),
        reason=at("data.attributes.status_formatted|data.attributes.status"),
        references=(at("meta.custom_data.reference"),),
        # Its other ids are small numbers, the same ones for orders as for subscriptions.
        objects=(at("data.attributes.identifier"),),
    ),
    covers="body",
    url="account",
    succeed_on=("order_created.paid", "subscription_payment_success"),
    # A customer tries another card.
    fail_on_optional=("order_created.failed", "subscription_payment_failed"),
    responses=EXACTLY_200,
    # After 5, 25 and 125 seconds.
    retries_for=timedelta(minutes=3),
    reference_field="meta.custom_data.reference",
    unconfirmed=("no header holds an id of the event", "a changed object has another updated_at"),
)
