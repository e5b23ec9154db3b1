"""SendGrid's event webhook, https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.asymmetric import EcdsaP256
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = EcdsaP256(hint="the verification key that SendGrid shows beside the webhook is needed, base64 or PEM")
_STAMP = Header("x-twilio-email-event-webhook-timestamp")
_RETRIES = timedelta(hours=24)

SENDGRID = Provider(
    name="sendgrid",
    title="SendGrid",
    documentation="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/"
    "getting-started-event-webhook-security-features",
    secrets_from=(
        "under Settings, Mail Settings, Event Webhooks, once the signed event webhook is switched on"
    ),
    scheme=HeaderScheme(
        header="x-twilio-email-event-webhook-signature",
        algorithms=(("", _KEY),),
        # Nothing stands between the two: a body is a list, so no digit of the time can be its beginning.
        templates=(Template.of(_STAMP, Body()),),
        # Whether a repeat is signed anew is not known, so an old signature counts as long as repeats come.
        timestamp=Timestamp(source=_STAMP, past=int(_RETRIES.total_seconds())),
    ),
    reader=FieldReader(
        items="",
        type=at("event"),
        id=at("sg_event_id"),
        reason=at("reason|response"),
        # A custom argument named "reference": they stand beside the event's own values.
        references=(at("reference"),),
        objects=(at("sg_message_id"), at("smtp-id")),
    ),
    covers="body",
    url="account",
    succeed_on=("delivered",),
    fail_on=("bounce", "dropped"),
    retries_for=_RETRIES,
    reference_field="reference",
    unconfirmed=("over how long a delivery is repeated", "whether a repeat is signed anew"),
)
