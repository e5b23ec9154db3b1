"""
WooCommerce, https://woocommerce.com/document/webhooks/

Topic and delivery id come in headers that are not signed; the order's status is in the body. When a
webhook is saved the shop sends an unsigned ping, which wants a 200 and nothing else.
"""

from __future__ import annotations

import re
from datetime import timedelta

from gateway.delivery import Answer, Delivery
from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.handshakes import Always, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme

_SIGNATURE = "x-wc-webhook-signature"


class _Ping:
    """The webhook's number in a form, and nothing else."""

    headers = frozenset({_SIGNATURE})

    def find(self, delivery: Delivery) -> str | None:
        """A word for it; None where the delivery is an event."""
        is_ping = delivery.media_type == FORM and re.fullmatch(rb"webhook_id=\d{1,20}", delivery.body)
        return "ping" if is_ping and _SIGNATURE not in delivery.headers else None


WOOCOMMERCE = Provider(
    name="woocommerce",
    title="WooCommerce",
    documentation="https://woocommerce.com/document/webhooks/",
    secrets_from="the webhook's secret, under WooCommerce's settings, Advanced, Webhooks",
    quirks=("five failures in a row switch the webhook off",),
    scheme=HeaderScheme(header=_SIGNATURE, algorithms=(("", Hmac(encoding="base64")),)),
    reader=FieldReader(
        # order.updated.completed, order.deleted, product.updated.publish
        type=at("header:x-wc-webhook-topic+status|header:x-wc-webhook-topic"),
        id=at("header:x-wc-webhook-delivery-id"),
        reason=at("status"),
        references=(at("meta_data.*.value"),),
        objects=(at("order_key"), at("id"), at("transaction_id")),
    ),
    covers="body",
    url="account",
    # An order that is processing is paid.
    succeed_on=("order.updated.processing", "order.updated.completed", "order.created.processing"),
    fail_on=("order.deleted",),
    # Staff can set another status, and a customer pay again.
    fail_on_optional=("order.updated.cancelled", "order.updated.failed"),
    media_types=("application/json", FORM),
    handshakes=(Registration(asked=_Ping(), reply=Always(Answer(200)), signed=False),),
    retries_for=timedelta(),
    reference_field="meta_data.*.value",
    unconfirmed=(
        "that a delivery is not repeated",
        "our reference is found among an order's first sixteen meta data",
    ),
)
