"""
Sentry's integration platform, https://docs.sentry.io/organization/integrations/integration-platform/webhooks/

The kind of object and the delivery's id come in headers that are not signed; the action is in the body.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the integration's client secret is needed")

SENTRY = Provider(
    name="sentry",
    title="Sentry",
    documentation="https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
    scheme=HeaderScheme(header="sentry-hook-signature", algorithms=(("", Hmac(key_form=_KEY)),)),
    reader=FieldReader(
        # issue.resolved, event_alert.triggered, comment.created
        type=at("header:sentry-hook-resource+action"),
        id=at("header:request-id"),
        reason=at("data.issue.substatus|data.issue.status"),
        objects=(
            at("data.issue.id"),
            at("data.issue.shortId"),
            at("data.error.issue_id"),
            at("data.event.issue_id"),
        ),
    ),
    covers="body",
    url="account",
    succeed_on=("issue.resolved",),
    fail_on_optional=("issue.archived", "issue.ignored"),
    deadline=timedelta(seconds=1),
    unconfirmed=("the time limit of an answer, a second", "whether a delivery is repeated"),
)
