"""
Zendesk, https://developer.zendesk.com/documentation/webhooks/

What a trigger sends is written by whoever sets it up: a `type` and a `reference` are best put in. The
secret looks like base64 and is used as the text it is. The delivery's id is in a header that is not signed.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_STAMP = Header("x-zendesk-webhook-signature-timestamp")

ZENDESK = Provider(
    name="zendesk",
    title="Zendesk",
    documentation="https://developer.zendesk.com/documentation/webhooks/verifying/",
    secrets_from="the webhook's signing secret, used as the text it is although it looks like base64",
    scheme=HeaderScheme(
        header="x-zendesk-webhook-signature",
        algorithms=(("", Hmac(encoding="base64")),),
        # Nothing stands between the two, and a time has one length.
        templates=(Template.of(_STAMP, Body()),),
        timestamp=Timestamp(source=_STAMP, unit="RFC 3339"),
    ),
    reader=FieldReader(
        type=at("json:type=zen:event-type:ticket.status_changed+event.current|type|text:event"),
        id=at("header:x-zendesk-webhook-invocation-id"),
        time=at("time"),
        reason=at("reason|event.current"),
        references=(at("reference"), at("detail.external_id")),
        objects=(at("ticket_id"), at("detail.id")),
    ),
    covers="body",
    url="both",
    succeed_on=(
        "zen:event-type:ticket.status_changed.SOLVED",
        "zen:event-type:ticket.status_changed.CLOSED",
    ),
    fail_on=("zen:event-type:ticket.permanently_deleted",),
    deadline=timedelta(seconds=12),
    reference_field="reference",
    unconfirmed=(
        "over how long it repeats, and that each repeat is signed anew",
        "the names of ticket events and where they bring the new status",
    ),
)
