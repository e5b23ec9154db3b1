"""
Increase, https://increase.com/documentation/webhooks

An event names an object and no more: what became of it has to be asked. It has no field for a reference,
so a callback is found by an alias.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.standard import standard_webhooks

#: Text, where Standard Webhooks has base64.
_SCHEME = standard_webhooks(key_form=KeyForm(hint="the shared secret of the event subscription is needed"))

INCREASE = Provider(
    name="increase",
    title="Increase",
    documentation="https://increase.com/documentation/webhooks",
    scheme=_SCHEME,
    reader=FieldReader(
        type=at("category"),
        id=at("id"),
        time=at("created_at"),
        objects=(at("associated_object_id"),),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    # ach_transfer.updated may mean any status.
    succeed_on=(),
    retries_for=timedelta(days=4),
    unconfirmed=(
        "how often and for how long a delivery is repeated",
        "that Increase-Webhook-Signature is older, and is not needed any more",
    ),
)
