"""Clerk, https://clerk.com/docs/webhooks/overview"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks("svix")

CLERK = Provider(
    name="clerk",
    title="Clerk",
    documentation="https://clerk.com/docs/webhooks/overview",
    scheme=_SCHEME,
    reader=FieldReader(
        type=at("type"),
        id=at("header:svix-id"),
        # Not unsafe_metadata, which the user writes.
        references=(at("data.public_metadata.reference"),),
        objects=(at("data.id"), at("data.user_id")),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    succeed_on=("organizationInvitation.accepted", "user.created"),
    fail_on=("organizationInvitation.revoked",),
    deadline=timedelta(seconds=15),
    retries_for=timedelta(hours=28),
    reference_field="data.public_metadata.reference",
)
