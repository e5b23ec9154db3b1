"""
Dropbox Sign, formerly HelloSign, https://developers.hellosign.com/docs/events/overview

The event's time and type are signed and nothing else: whoever has seen one can say the same of another
request. Nothing in the body can therefore name a callback; it takes an URL of its own.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.multipart import MEDIA_TYPE as MULTIPART
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.items import ItemScheme
from gateway.providers.signatures.timestamp import BodyTime, Timestamp

#: It repeats whatever is not answered with this text.
_RECEIVED = Answer(200, b"Hello API Event Received", "text/plain")

DROPBOX_SIGN = Provider(
    name="dropbox-sign",
    title="Dropbox Sign",
    documentation="https://developers.hellosign.com/docs/events/walkthrough/",
    scheme=ItemScheme(
        payload="json",
        signature=("event", "event_hash"),
        fields=(("event", "event_time"), ("event", "event_type")),
        algorithm=Hmac(key_form=KeyForm(hint="the account's API key is needed")),
        # When it happened, not when it was sent: a repeat brings the same.
        timestamp=Timestamp(source=BodyTime(("event", "event_time")), past=3 * 86_400),
    ),
    reader=FieldReader(
        body="json or form",
        payload="json",
        type=at("event.event_type"),
        # The hash of two events of a type in one second is the same.
        id=at("event.event_hash+signature_request.signature_request_id?"),
        reason=at("signature_request.signatures.0.decline_reason|signature_request.signatures.0.error"),
        covered=("event.event_time", "event.event_type"),
        recurs=True,
    ),
    covers="fields",
    verified="notification",
    url="account",
    succeed_on=("signature_request_all_signed",),
    fail_on=(
        "signature_request_declined",
        "signature_request_canceled",
        "signature_request_expired",
        "signature_request_invalid",
    ),
    media_types=(MULTIPART, FORM),
    responses=Responses(accepted=_RECEIVED, pending=_RECEIVED),
    retries_for=timedelta(days=3),
    unconfirmed=(
        "when a delivery is repeated, for three days at most",
        "Content-SHA256, said to cover the body of an app's callbacks: it is not looked at",
    ),
)
