"""
Svix, which sends webhooks for many services, https://docs.svix.com/receiving/introduction

The same as Standard Webhooks under other header names; who sends `webhook-id` is `standard-webhooks` here.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks("svix")

SVIX = Provider(
    name="svix",
    title="Svix",
    documentation="https://docs.svix.com/receiving/verifying-payloads/how",
    scheme=_SCHEME,
    reader=FieldReader(
        # The body is the sender's own matter.
        type=at("type|event_type|eventType|text:event"),
        id=at("header:svix-id"),
        time=at("timestamp"),
        reason=at("data.reason|data.failure_reason|data.error.message|data.error"),
        references=(at("data.reference"), at("data.metadata.reference")),
        objects=(at("data.id"),),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="both",
    # Which events are final is the sender's own matter: a source says it.
    succeed_on=(),
    deadline=timedelta(seconds=15),
    # At once, then after 5 s, 5 min, 30 min, 2, 5, 10 and 10 h.
    retries_for=timedelta(hours=28),
    reference_field="data.reference",
)
