"""
Shopify, https://shopify.dev/docs/apps/build/webhooks

Topic and ids come in headers that are not signed, so a captured delivery can be sent again under another
topic: that an order is paid, or why it was cancelled, stands in the body and can't be changed.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the app's client secret is needed")

SHOPIFY = Provider(
    name="shopify",
    title="Shopify",
    documentation="https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
    secrets_from=(
        "in the app's settings; webhooks that are made in a shop's admin show theirs under "
        "Notifications, Webhooks"
    ),
    quirks=("nothing is repeated after four hours, and the subscription may be removed",),
    scheme=HeaderScheme(
        header="x-shopify-hmac-sha256", algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),)
    ),
    reader=FieldReader(
        # orders/paid.paid, orders/cancelled.customer, fulfillments/create
        type=at(
            "header:x-shopify-topic=orders/paid+financial_status"
            "|header:x-shopify-topic=orders/cancelled+cancel_reason|header:x-shopify-topic"
        ),
        # One event comes under several topics, with the same event id.
        id=at("header:x-shopify-topic+header:x-shopify-event-id|header:x-shopify-webhook-id"),
        time=at("header:x-shopify-triggered-at"),
        reason=at("cancel_reason"),
        references=(at("note_attributes.*.value"),),
        objects=(at("admin_graphql_api_id"), at("id"), at("checkout_token"), at("cart_token")),
    ),
    covers="body",
    url="account",
    succeed_on=("orders/paid.paid",),
    fail_on=("orders/cancelled.*",),
    deadline=timedelta(seconds=5),
    # Eight retries.
    retries_for=timedelta(hours=4),
    reference_field="note_attributes.*.value",
    unconfirmed=("a retry keeps X-Shopify-Event-Id",),
)
