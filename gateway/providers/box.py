"""
Box, https://developer.box.com/guides/webhooks/

Two signatures, by the primary and the secondary key of the app. A webhook belongs to a file or folder and
has an URL of its own.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the app's primary or secondary signature key is needed")
_STAMP = Header("box-delivery-timestamp")

BOX = Provider(
    name="box",
    title="Box",
    documentation="https://developer.box.com/guides/webhooks/v2/signatures-v2/",
    scheme=HeaderScheme(
        header="box-signature-primary",
        beside=("box-signature-secondary",),
        algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),),
        # Nothing stands between the two, and a JSON text ends where a time begins.
        templates=(Template.of(Body(), _STAMP),),
        # Ten minutes are what its SDK allows.
        timestamp=Timestamp(source=_STAMP, unit="RFC 3339", past=600),
    ),
    reader=FieldReader(
        type=at("trigger"),
        id=at("id"),
        time=at("created_at"),
        reason=at("additional_info.reason"),
        objects=(at("source.id"), at("webhook.id"), at("additional_info.sign_request_id")),
    ),
    covers="body",
    url="both",
    succeed_on=("SIGN_REQUEST.COMPLETED",),
    fail_on=("SIGN_REQUEST.DECLINED", "SIGN_REQUEST.EXPIRED"),
    deadline=timedelta(seconds=30),
    retries_for=timedelta(hours=2),
    unconfirmed=(
        "where a signature request's own id stands",
        "that the body is signed as it is sent: the SDK tries one with \\u escapes as well",
        "the time limit of an answer, and that a delivery is repeated for two hours, each time signed anew",
    ),
)
