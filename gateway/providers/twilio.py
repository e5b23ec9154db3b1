"""
Twilio's status callbacks and webhooks, https://www.twilio.com/docs/usage/webhooks

The URL is signed, and with it the form's fields, or the hash of a JSON body that stands in its query.
Twilio writes the port or leaves it out, so both count. Names and values are signed with nothing between
them, so whoever has seen a delivery could move text from one to the next, on the same URL.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import (
    HashInQuery,
    IssuedUrl,
    Part,
    SortedParams,
    Template,
)

_KEY = KeyForm(hint="the account's auth token is needed")
_URLS = (IssuedUrl(), IssuedUrl("always"), IssuedUrl("never"))
_BODIES: tuple[Part, ...] = (SortedParams(), HashInQuery("bodySHA256"))
#: An answer is read as instructions for the call: none.
_TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'

TWILIO = Provider(
    name="twilio",
    title="Twilio",
    documentation="https://www.twilio.com/docs/usage/webhooks/webhooks-security",
    secrets_from="in the Console under Account Info",
    quirks=("the URL is signed too: register it exactly as the gateway gives it",),
    scheme=HeaderScheme(
        header="x-twilio-signature",
        # Twilio's choice; HMAC does not rest on what SHA-1 lacks.
        algorithms=(("", Hmac(hash="sha1", encoding="base64", key_form=_KEY)),),
        templates=tuple(Template.of(url, body) for body, url in product(_BODIES, _URLS)),
    ),
    reader=FieldReader(
        body="json or form",
        # message.delivered, call.completed
        type=at("text:message+MessageStatus|text:call+CallStatus|text:message+SmsStatus|EventType|type"),
        id=at("MessageSid+MessageStatus|CallSid+CallStatus|MessageSid+SmsStatus"),
        reason=at("ErrorMessage|ErrorCode|MessageStatus|CallStatus"),
        objects=(at("MessageSid"), at("CallSid")),
    ),
    covers="body",
    url="request",
    succeed_on=("message.delivered", "message.read", "call.completed"),
    fail_on=(
        "message.failed",
        "message.undelivered",
        "message.canceled",
        "call.busy",
        "call.no-answer",
        "call.failed",
        "call.canceled",
    ),
    media_types=("application/json", FORM),
    responses=Responses(accepted=Answer(200, _TWIML, "text/xml"), pending=Answer(202, _TWIML, "text/xml")),
    # The whole request has 15 s.
    deadline=timedelta(seconds=15),
    # One more attempt where the connection failed; more by parameters behind a # in the URL.
    retries_for=timedelta(minutes=1),
    unconfirmed=("what stands behind a # in a callback's URL is not part of the signed URL",),
)
