"""
Standard Webhooks 1.0.0: a scheme that many senders share, and the provider for all of them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks(others=(("v1a", Ed25519()),))

READER = FieldReader(
    # A type is recommended by the specification, and not everybody sends one.
    type=at("type|text:event"),
    id=at("header:webhook-id"),
    time=at("timestamp"),
    reason=at("data.reason|data.failure_reason|data.error.message|data.error"),
    references=(at("data.reference"), at("data.metadata.reference")),
    objects=(at("data.id"),),
    covered_headers=_SCHEME.covered_headers,
)

STANDARD_WEBHOOKS = Provider(
    name="standard-webhooks",
    title="Standard Webhooks",
    secrets_from="with v1 the sender's whsec_…, with v1a its public key, whpk_…",
    documentation="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    scheme=_SCHEME,
    reader=READER,
    covers="body",
    url="both",
    # Which events are final is the sender's own matter: a source says it.
    succeed_on=(),
    deadline=timedelta(seconds=15),
    # The specification's example schedule ends after 76 hours.
    retries_for=timedelta(days=4),
    reference_field="data.reference",
)
