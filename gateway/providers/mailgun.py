"""
Mailgun's event webhooks, https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks

A time and a random token are signed and nothing of what happened: whoever has seen a delivery can say
something else with its signature for a quarter of an hour, once, as the token is the event's identity.
Nothing in the body can therefore name a callback; it takes an URL of its own.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.items import ItemScheme
from gateway.providers.signatures.timestamp import BodyTime, Timestamp

MAILGUN = Provider(
    name="mailgun",
    title="Mailgun",
    documentation="https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
    scheme=ItemScheme(
        signature=("signature", "signature"),
        fields=(("signature", "timestamp"), ("signature", "token")),
        algorithm=Hmac(key_form=KeyForm(hint="the HTTP webhook signing key is needed, not an API key")),
        # Its SDK allows a quarter of an hour.
        timestamp=Timestamp(source=BodyTime(("signature", "timestamp")), past=900),
    ),
    reader=FieldReader(
        # failed.permanent, failed.temporary, delivered
        type=at("event-data.event+event-data.severity|event-data.event"),
        id=at("signature.token"),
        reason=at(
            "event-data.delivery-status.description|event-data.delivery-status.message|event-data.reason"
        ),
        # The time is signed as well, and a repeat may bring another.
        covered=("signature.token",),
    ),
    covers="fields",
    verified="notification",
    url="account",
    succeed_on=("delivered",),
    fail_on=("failed.permanent",),
    # It repeats everything but 200 and 406.
    responses=Responses(pending=Answer(200, b'{"outcome":"pending"}'), gone=Answer(406)),
    # After 10, 10, 15 and 30 minutes, 1, 2 and 4 hours.
    retries_for=timedelta(hours=9),
    unconfirmed=(
        "when a delivery is repeated",
        "whether a repeat brings the token of the first",
    ),
)
