"""Replicate, https://replicate.com/docs/topics/webhooks"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks()

REPLICATE = Provider(
    name="replicate",
    title="Replicate",
    documentation="https://replicate.com/docs/reference/webhooks",
    scheme=_SCHEME,
    reader=FieldReader(
        # Without the filter "completed", starting and processing come as well.
        type=at("status"),
        id=at("header:webhook-id"),
        time=at("completed_at"),
        reason=at("error"),
        objects=(at("id"),),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="request",
    succeed_on=("succeeded",),
    fail_on=("failed", "canceled", "aborted"),
    unconfirmed=("for how long a delivery is repeated", "the status aborted"),
)
