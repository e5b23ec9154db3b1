"""Polar, https://polar.sh/docs/integrate/webhooks/endpoints"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.standard import standard_webhooks

#: Text, where Standard Webhooks has base64.
_SCHEME = standard_webhooks(key_form=KeyForm(hint="the webhook endpoint's secret is needed (polar_whs_…)"))

POLAR = Provider(
    name="polar",
    title="Polar",
    documentation="https://polar.sh/docs/integrate/webhooks/delivery",
    scheme=_SCHEME,
    reader=FieldReader(
        # checkout.updated.expired
        type=at("type=checkout.updated+data.status|type"),
        id=at("header:webhook-id"),
        time=at("timestamp"),
        reason=at("data.status"),
        references=(at("data.metadata.reference"),),
        objects=(at("data.id"), at("data.checkout_id"), at("data.subscription_id")),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    # checkout.updated.succeeded comes too, before the order.
    succeed_on=("order.paid",),
    fail_on=("checkout.updated.expired",),
    # A customer tries another card.
    fail_on_optional=("checkout.updated.failed",),
    deadline=timedelta(seconds=10),
    # Ten attempts, ever longer apart.
    retries_for=timedelta(days=4),
    reference_field="data.metadata.reference",
    reference_max=500,
    unconfirmed=(
        "a metadata value holds 500 characters",
        "an order has the metadata of its checkout",
        "over how long ten attempts are spread",
    ),
)
