"""
Zoom, https://developers.zoom.us/docs/api/webhooks/

The delivery's own id is in a header that is not signed, so the meeting and the event's time stand for it.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.handshakes import InBody, Registration, Signed
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the app's secret token is needed, not its client secret")
_STAMP = Header("x-zm-request-timestamp")

ZOOM = Provider(
    name="zoom",
    title="Zoom",
    documentation="https://developers.zoom.us/docs/api/webhooks/",
    secrets_from="in the App Marketplace, where the app's event subscriptions are",
    quirks=("the question at registration comes again every 72 hours",),
    scheme=HeaderScheme(
        header="x-zm-signature",
        grammar=Whole("v0="),
        algorithms=(("", Hmac(key_form=_KEY)),),
        templates=(Template.of("v0:", _STAMP, ":", Body()),),
        timestamp=Timestamp(source=_STAMP),
    ),
    reader=FieldReader(
        type=at("event"),
        id=at("event+payload.object.uuid+event_ts|event+payload.object.id+event_ts"),
        references=(at("payload.object.tracking_fields.*.value"),),
        objects=(at("payload.object.uuid"), at("payload.object.id")),
    ),
    covers="body",
    url="account",
    succeed_on=("meeting.ended", "recording.completed", "webinar.ended"),
    fail_on_optional=("meeting.deleted",),
    # Asked when the URL is entered, and every 72 hours.
    handshakes=(
        Registration(
            asked=InBody(("payload", "plainToken"), where=(("event",), "endpoint.url_validation")),
            reply=Signed("encryptedToken", plain="plainToken"),
        ),
    ),
    # Exactly 200 or 204.
    responses=Responses(pending=Answer(200, b'{"outcome":"pending"}')),
    deadline=timedelta(seconds=3),
    # After 5, 20 and 60 minutes.
    retries_for=timedelta(hours=2),
    reference_field="payload.object.tracking_fields.*.value",
    unconfirmed=(
        "a repeat has the same event_ts",
        "tracking fields come with a meeting's events",
        "five minutes are the tolerance that it recommends",
    ),
)
