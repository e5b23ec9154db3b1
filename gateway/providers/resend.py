"""Resend, https://resend.com/docs/dashboard/webhooks/introduction"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks("svix")

RESEND = Provider(
    name="resend",
    title="Resend",
    documentation="https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests",
    secrets_from="at the webhook's page in the dashboard",
    scheme=_SCHEME,
    reader=FieldReader(
        type=at("type"),
        id=at("header:svix-id"),
        time=at("created_at"),
        reason=at("data.bounce.message|data.failed.reason|data.suppressed.message"),
        references=(at("data.tags.reference"),),
        objects=(at("data.email_id"),),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    succeed_on=("email.delivered",),
    fail_on=("email.bounced", "email.failed"),
    deadline=timedelta(seconds=15),
    # At once, then after 5 s, 5 min, 30 min, 2, 5 and 10 h.
    retries_for=timedelta(hours=18),
    reference_field="data.tags.reference",
    reference_max=256,
    unconfirmed=("a tag's value holds 256 characters",),
)
