"""
Slack's events, interactions and slash commands, https://docs.slack.dev/authentication/verifying-requests-from-slack

A button's type is `block_actions.` and its action_id, so a message with the buttons `approve` and
`reject` fits the rules below; our reference is the button's value or a view's private_metadata.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.handshakes import Echo, InBody, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the app's signing secret is needed, not a token (xoxb-…)")
_STAMP = Header("x-slack-request-timestamp")
#: A body would be shown to the user as the answer to a command, or refused as the answer to a view.
_OK = Answer(200, b"", "text/plain")


SLACK = Provider(
    name="slack",
    title="Slack",
    documentation="https://docs.slack.dev/authentication/verifying-requests-from-slack",
    secrets_from="at api.slack.com/apps under the app's Basic Information, App Credentials",
    scheme=HeaderScheme(
        header="x-slack-signature",
        grammar=Whole("v0="),
        algorithms=(("", Hmac(key_form=_KEY)),),
        templates=(Template.of("v0:", _STAMP, ":", Body()),),
        timestamp=Timestamp(source=_STAMP),
    ),
    reader=FieldReader(
        body="json or form",
        payload="payload",
        # event_callback.message, block_actions.approve, view_submission, command./deploy
        type=at("type+event.type|type+actions.0.action_id|type|text:command+command"),
        id=at("event_id|trigger_id"),
        references=(
            at("actions.*.value"),
            at("view.private_metadata"),
            at("event.metadata.event_payload.reference"),
            at("message.metadata.event_payload.reference"),
        ),
        objects=(at("view.id"), at("message.ts")),
    ),
    covers="body",
    url="account",
    succeed_on=("block_actions.approve", "view_submission"),
    fail_on=("block_actions.reject", "view_closed"),
    media_types=("application/json", FORM),
    handshakes=(
        Registration(asked=InBody(("challenge",), where=(("type",), "url_verification")), reply=Echo()),
    ),
    responses=Responses(accepted=_OK, pending=_OK),
    deadline=timedelta(seconds=3),
    # At once, after a minute, after five.
    retries_for=timedelta(minutes=6),
    reference_field="actions.*.value",
    reference_max=2000,
    unconfirmed=(
        "a button's value holds 2,000 characters, private_metadata 3,000",
        "a trigger_id is unique to an interaction",
    ),
)
