"""
Svix, which sends webhooks for many services, https://docs.svix.com/receiving/introduction

The same as Standard Webhooks under other header names; who sends `webhook-id` is `standard-webhooks` here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gateway.providers.fields import at
from gateway.providers.signatures.standard import standard_webhooks
from gateway.providers.standard_webhooks import READER, STANDARD_WEBHOOKS

_SCHEME = standard_webhooks("svix")

SVIX = replace(
    STANDARD_WEBHOOKS,
    name="svix",
    title="Svix",
    secrets_from=None,
    documentation="https://docs.svix.com/receiving/verifying-payloads/how",
    scheme=_SCHEME,
    reader=replace(
        READER,
        # The body is the sender's own matter.
        type=at("type|event_type|eventType|text:event"),
        id=at("header:svix-id"),
        covered_headers=_SCHEME.covered_headers,
    ),
    # At once, then after 5 s, 5 min, 30 min, 2, 5, 10 and 10 h.
    retries_for=timedelta(hours=28),
)
