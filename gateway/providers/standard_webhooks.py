"""
Standard Webhooks 1.0.0: a scheme that many senders share, and the provider for all of them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(
    encoding="base64",
    prefix="whsec_",
    # The specification wants 24 to 64 bytes; senders with 18 exist.
    hint="a Standard Webhooks secret is whsec_ and base64",
)

STANDARD_WEBHOOKS = Provider(
    name="standard-webhooks",
    title="Standard Webhooks",
    documentation="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    scheme=HeaderScheme(
        header="webhook-signature",
        grammar=Listed(between=" ", within=","),
        algorithms=(("v1a", Ed25519()), ("v1", Hmac(encoding="base64", key_form=_KEY))),
        templates=(Template.of(Header("webhook-id"), ".", Header("webhook-timestamp"), ".", Body()),),
        timestamp=Timestamp(source=Header("webhook-timestamp")),
    ),
    reader=FieldReader(
        # A type is recommended by the specification, and not everybody sends one.
        type=at("type|text:event"),
        id=at("header:webhook-id"),
        time=at("timestamp"),
        reason=at("data.reason|data.failure_reason|data.error.message|data.error"),
        references=(at("data.reference"), at("data.metadata.reference")),
        objects=(at("data.id"),),
        covered_headers=frozenset({"webhook-id", "webhook-timestamp"}),
    ),
    covers="body",
    url="both",
    # Which events are final is the sender's own matter: a source says it.
    succeed_on=(),
    deadline=timedelta(seconds=15),
    # The specification's example schedule ends after 76 hours.
    retries_for=timedelta(days=4),
    reference_field="data.reference",
)
