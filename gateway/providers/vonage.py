"""
Vonage's signed webhooks, https://developer.vonage.com/en/getting-started/concepts/webhooks

A signed token holds the hash of the body. Vonage's own library checks the token and not the hash; here a body
without its hash is refused.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.jwt import JwtScheme

VONAGE = Provider(
    name="vonage",
    title="Vonage",
    documentation="https://developer.vonage.com/en/getting-started/concepts/webhooks",
    scheme=JwtScheme(
        header="authorization",
        prefix="Bearer ",
        algorithms=("HS256",),
        body_hash="payload_hash",
        key_form=KeyForm(hint="the account's signature secret is needed"),
    ),
    reader=FieldReader(
        # message.delivered, call.completed
        type=at(
            "text:message+status+has:message_uuid|text:call+status+has:conversation_uuid"
            "|text:message+text:inbound+has:message_uuid"
        ),
        id=at("message_uuid+status|uuid+status|message_uuid"),
        time=at("timestamp"),
        reason=at("error.detail|error.title|reason|status"),
        references=(at("client_ref"),),
        objects=(at("message_uuid"), at("uuid"), at("conversation_uuid")),
    ),
    covers="body",
    url="both",
    succeed_on=("message.delivered", "message.read", "call.completed"),
    fail_on=(
        "message.rejected",
        "message.undeliverable",
        "call.failed",
        "call.rejected",
        "call.busy",
        "call.cancelled",
        "call.timeout",
        "call.unanswered",
    ),
    retries_for=timedelta(hours=24),
    reference_field="client_ref",
    reference_max=100,
    unconfirmed=(
        "a message takes a webhook_url of its own",
        "the length of client_ref",
        "a repeat has a token of its own, not older than five minutes",
        "over how long a delivery is repeated",
    ),
)
