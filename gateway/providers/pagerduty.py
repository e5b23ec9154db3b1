"""PagerDuty's webhooks v3, https://developer.pagerduty.com/docs/webhooks-overview"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme

PAGERDUTY = Provider(
    name="pagerduty",
    title="PagerDuty",
    documentation="https://developer.pagerduty.com/docs/verifying-webhook-signatures",
    secrets_from="shown once, when the webhook subscription is made",
    scheme=HeaderScheme(
        header="x-pagerduty-signature",
        grammar=Listed(between=",", within="="),
        algorithms=(("v1", Hmac()),),
    ),
    reader=FieldReader(
        type=at("event.event_type"),
        id=at("event.id"),
        time=at("event.occurred_at"),
        reason=at("event.data.resolve_reason.type|event.data.status"),
        references=(at("event.data.incident_key"),),
        objects=(at("event.data.id"), at("event.data.incident.id")),
    ),
    covers="body",
    url="account",
    # A subscription's test, pagey.ping, is filtered as any other event.
    succeed_on=("incident.resolved",),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(hours=48),
    reference_field="event.data.incident_key",
    reference_max=255,
    unconfirmed=(
        "incident_key comes with an incident's event and holds 255 characters",
        "the time limit of an answer, and that a delivery is repeated for 48 hours",
    ),
)
