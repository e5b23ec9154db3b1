"""
Bird, formerly MessageBird, https://developers.messagebird.com/api/#verifying-http-requests

A signed token holds the hashes of the URL and of the body.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.jwt import JwtScheme

MESSAGEBIRD = Provider(
    name="messagebird",
    title="Bird (MessageBird)",
    documentation="https://developers.messagebird.com/api/#verifying-http-requests",
    quirks=("the URL is signed too: register it exactly as the gateway gives it",),
    scheme=JwtScheme(
        header="messagebird-signature-jwt",
        algorithms=("HS256", "HS384", "HS512"),
        key_form=KeyForm(hint="the signing key is needed, not an access key"),
        issuers=("MessageBird",),
        body_hash="payload_hash",
        url_hash="url_hash",
    ),
    reader=FieldReader(
        body="json or form",
        # message.delivered
        type=at("type+message.status|text:message+status|type"),
        id=at("message.id+message.status|id+status"),
        time=at("message.updatedDatetime|statusDatetime"),
        reason=at("message.error.description|error.description|statusReason|status"),
        references=(at("reference"),),
        objects=(at("message.id"), at("id")),
    ),
    covers="body",
    url="request",
    succeed_on=("message.delivered", "message.status.delivered"),
    fail_on=(
        "message.delivery_failed",
        "message.expired",
        "message.status.failed",
        "message.status.rejected",
    ),
    media_types=("application/json", FORM),
    reference_field="reference",
    unconfirmed=("the names of a report's fields", "that a delivery is repeated ten times"),
)
