"""
LINE's Messaging API, https://developers.line.biz/en/docs/messaging-api/receiving-messages/

The test when an URL is saved is a delivery without events.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the channel secret is needed, not an access token")

LINE = Provider(
    name="line",
    title="LINE",
    documentation="https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
    scheme=HeaderScheme(
        header="x-line-signature", algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),)
    ),
    reader=FieldReader(
        items="events",
        # postback, message.text, follow
        type=at("type+message.type|type"),
        id=at("webhookEventId"),
        references=(at("postback.data"),),
        objects=(at("message.quotedMessageId"), at("message.id")),
    ),
    covers="body",
    url="account",
    succeed_on=("postback",),
    reference_field="postback.data",
    reference_max=300,
    unconfirmed=(
        "a postback's data holds 300 characters",
        "the time limit of an answer, and how long a delivery is repeated",
    ),
)
