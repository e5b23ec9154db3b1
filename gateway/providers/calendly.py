"""
Calendly, https://developer.calendly.com/api-docs/

Our reference is in the link that the invitee gets, as `utm_content` or `salesforce_uuid`.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Template
from gateway.providers.signatures.timestamp import Timestamp

CALENDLY = Provider(
    name="calendly",
    title="Calendly",
    documentation="https://developer.calendly.com/api-docs/ZG9jOjM2MzE2MDM4-webhook-signatures",
    secrets_from="the signing key of the webhook subscription, of your choice",
    scheme=HeaderScheme(
        header="calendly-webhook-signature",
        grammar=Listed(between=",", within="="),
        algorithms=(("v1", Hmac()),),
        templates=(Template.of(Field("t"), ".", Body()),),
        # Three minutes are in its example; it names none.
        timestamp=Timestamp(source=Field("t")),
    ),
    reader=FieldReader(
        type=at("event"),
        id=at("event+payload.uri"),
        time=at("created_at"),
        reason=at("payload.cancellation.reason"),
        references=(at("payload.tracking.utm_content"), at("payload.tracking.salesforce_uuid")),
        objects=(at("payload.uri"), at("payload.scheduled_event.uri")),
    ),
    covers="body",
    url="account",
    succeed_on=("invitee.created",),
    # Whoever cancels may book again with the same link.
    fail_on_optional=("invitee.canceled", "invitee_no_show.created"),
    retries_for=timedelta(hours=24),
    reference_field="payload.tracking.utm_content",
    reference_max=255,
    unconfirmed=(
        "an event has no id of its own; its type and the invitee stand for one",
        "utm_content holds 255 characters",
        "the time limit of an answer, and that a delivery is repeated for 24 hours",
    ),
)
