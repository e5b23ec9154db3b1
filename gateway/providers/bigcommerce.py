"""
BigCommerce, https://developer.bigcommerce.com/docs/integrations/webhooks

Standard Webhooks keyed with the text of the app's client secret. A body brings ids and a new status.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks(
    key_form=KeyForm(hint="the client secret of the app that made the webhook is needed")
)

BIGCOMMERCE = Provider(
    name="bigcommerce",
    title="BigCommerce",
    documentation="https://developer.bigcommerce.com/docs/integrations/webhooks",
    quirks=("a domain that answers less than 90 % with 2xx is blocked",),
    scheme=_SCHEME,
    reader=FieldReader(
        # store/order/statusUpdated.11
        type=at("scope+data.status.new_status_id|scope"),
        id=at("header:webhook-id"),
        objects=(at("data.id"), at("data.cartId"), at("data.orderId")),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    # 11 awaits fulfilment, 2 is shipped and 10 completed: each is paid.
    succeed_on=(
        "store/order/statusUpdated.11",
        "store/order/statusUpdated.2",
        "store/order/statusUpdated.10",
    ),
    # 5 is cancelled and 6 declined; staff can set another status.
    fail_on_optional=("store/order/statusUpdated.5", "store/order/statusUpdated.6"),
    # Eleven retries, the last a day after the one before.
    retries_for=timedelta(days=3),
    unconfirmed=("the numbers of an order's status", "over how long the eleven retries are spread"),
)
