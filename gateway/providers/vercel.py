"""
Vercel, https://vercel.com/docs/webhooks

Signed with HMAC-SHA1, which does not rest on what SHA-1 lacks.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme

VERCEL = Provider(
    name="vercel",
    title="Vercel",
    documentation="https://vercel.com/docs/webhooks/webhooks-api",
    secrets_from="the webhook's secret; an integration's is its client secret",
    scheme=HeaderScheme(header="x-vercel-signature", algorithms=(("", Hmac(hash="sha1")),)),
    reader=FieldReader(
        type=at("type"),
        id=at("id"),
        reason=at("payload.deployment.errorMessage|payload.deployment.readyStateReason"),
        references=(at("payload.deployment.meta.reference"),),
        objects=(at("payload.deployment.id"), at("payload.deployment.url")),
    ),
    covers="body",
    url="account",
    succeed_on=("deployment.succeeded", "deployment.promoted"),
    # Another try is another deployment.
    fail_on=("deployment.error", "deployment.canceled"),
    retries_for=timedelta(hours=24),
    reference_field="payload.deployment.meta.reference",
    unconfirmed=(
        "the meta of a deployment comes back as it was given",
        "the time limit of an answer, and that a delivery is repeated for 24 hours",
    ),
)
