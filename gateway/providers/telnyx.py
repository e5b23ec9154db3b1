"""Telnyx, https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = Ed25519(prefixes=("", ""), hint="the public key under Keys & Credentials is needed")
_STAMP = Header("telnyx-timestamp")

TELNYX = Provider(
    name="telnyx",
    title="Telnyx",
    documentation="https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks",
    scheme=HeaderScheme(
        header="telnyx-signature-ed25519",
        algorithms=(("", _KEY),),
        templates=(Template.of(_STAMP, "|", Body()),),
        timestamp=Timestamp(source=_STAMP),
    ),
    reader=FieldReader(
        # message.finalized.delivered, call.hangup
        type=at("data.event_type=message.finalized+data.payload.to.0.status|data.event_type"),
        id=at("data.id"),
        time=at("data.occurred_at"),
        reason=at("data.payload.errors.0.detail|data.payload.errors.0.title|data.payload.hangup_cause"),
        objects=(at("data.payload.id"), at("data.payload.call_control_id")),
    ),
    covers="body",
    url="request",
    succeed_on=("message.finalized.delivered", "call.hangup"),
    fail_on=("message.finalized.delivery_failed", "message.finalized.sending_failed"),
    deadline=timedelta(seconds=2),
    unconfirmed=(
        "how long Telnyx waits for an answer and repeats",
        "the states of a finalized message to one recipient",
    ),
)
