"""
Meta's webhooks, WhatsApp's Cloud API above all, https://developers.facebook.com/docs/graph-api/webhooks

A delivery brings statuses and messages of several accounts, each an event here; of other products each
change or message is one. Our reference is a message's biz_opaque_callback_data, or the id of a button.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.handshakes import Echo, InQuery, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the app's secret is needed")

META = Provider(
    name="meta",
    title="Meta (WhatsApp)",
    documentation="https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
    secrets_from="in the App Dashboard under App settings, Basic",
    scheme=HeaderScheme(
        header="x-hub-signature-256", grammar=Whole("sha256="), algorithms=(("", Hmac(key_form=_KEY)),)
    ),
    reader=FieldReader(
        items=(
            "entry.*.changes.*.value.statuses+entry.*.changes.*.value.messages"
            "|entry.*.changes|entry.*.messaging|entry"
        ),
        # status.delivered, message.interactive, message.text, message_template_status_update
        type=at("text:status+status|text:message+type|field|text:entry"),
        id=at("id+status|id"),
        reason=at("errors.0.error_data.details|errors.0.message|errors.0.title"),
        references=(
            at("biz_opaque_callback_data"),
            at("interactive.button_reply.id"),
            at("interactive.list_reply.id"),
            at("button.payload"),
        ),
        # A reply names the message that it answers.
        objects=(at("id"), at("context.id")),
    ),
    covers="body",
    url="account",
    succeed_on=("status.delivered", "status.read", "message.interactive", "message.button"),
    fail_on=("status.failed",),
    handshakes=(
        Registration(
            asked=InQuery(
                "hub.challenge",
                where=(("hub.mode", "subscribe"),),
                token="hub.verify_token",  # noqa: S106  # the name of a parameter
            ),
            reply=Echo(),
            method="GET",
            signed=False,
        ),
    ),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(days=7),
    reference_field="biz_opaque_callback_data",
    reference_max=512,
    unconfirmed=(
        "biz_opaque_callback_data comes back with each status and holds 512 characters, a button's id 256",
        "the time limit of an answer, and that a delivery is repeated for 7 days",
    ),
)
