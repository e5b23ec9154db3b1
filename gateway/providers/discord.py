"""
Discord's interactions, https://docs.discord.com/developers/interactions/overview
and its webhook events, https://docs.discord.com/developers/events/webhook-events

Discord sends badly signed ones on purpose, and wants 401 for them. An interaction's answer is what the
user sees; the one given here says "taken, nothing to show". Both have URLs of their own, and type 1 is a
question in the one and an event in the other: so they are two providers.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.handshakes import Always, InBody, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = Ed25519(
    signature="hex",
    key_encoding="hex",
    prefixes=("", ""),
    hint="the application's public key is needed, 64 digits in hex",
)
_STAMP = Header("x-signature-timestamp")
#: DEFERRED_UPDATE_MESSAGE: acknowledged, and no loading state to be seen.
_TAKEN = Answer(200, b'{"type":6}')
_NOTHING = Answer(204)
_QUIRKS = ("wrong signatures are sent on purpose when the URL is registered, and have to be refused",)
_SCHEME = HeaderScheme(
    header="x-signature-ed25519",
    algorithms=(("", _KEY),),
    # Nothing stands between the two: a body is an object, so no digit of the time can be its beginning.
    templates=(Template.of(_STAMP, Body()),),
    timestamp=Timestamp(source=_STAMP),
)

DISCORD = Provider(
    name="discord",
    title="Discord",
    documentation="https://docs.discord.com/developers/interactions/overview",
    secrets_from="in the Developer Portal under the application's General Information",
    quirks=_QUIRKS,
    scheme=_SCHEME,
    reader=FieldReader(
        type=at(
            "text:message_component+has:type=3|text:modal_submit+has:type=5|text:application_command+has:type=2"
            "|text:interaction+type"
        ),
        id=at("id"),
        references=(at("data.custom_id"),),
        objects=(at("message.id"), at("data.custom_id")),
    ),
    covers="body",
    url="account",
    # A button, a list, a form.
    succeed_on=("message_component", "modal_submit"),
    handshakes=(
        Registration(
            asked=InBody(("application_id",), where=(("type",), "1")),
            reply=Always(Answer(200, b'{"type":1}')),
        ),
    ),
    responses=Responses(accepted=_TAKEN, pending=_TAKEN),
    deadline=timedelta(seconds=3),
    # An interaction is not repeated.
    retries_for=timedelta(),
    reference_field="data.custom_id",
    reference_max=100,
    unconfirmed=("no genuine interaction was signed more than five minutes ago",),
)

DISCORD_EVENTS = Provider(
    name="discord-events",
    title="Discord (webhook events)",
    documentation="https://docs.discord.com/developers/events/webhook-events",
    secrets_from=DISCORD.secrets_from,
    quirks=_QUIRKS,
    scheme=_SCHEME,
    reader=FieldReader(
        # There is no id, and nothing of ours travels along: a callback is found by the user, as an alias.
        type=at("event.type"),
        objects=(at("event.data.user.id"), at("event.data.user_id"), at("event.data.id")),
    ),
    covers="body",
    url="account",
    succeed_on=("APPLICATION_AUTHORIZED", "ENTITLEMENT_CREATE"),
    # An app that is no longer authorized can be authorized again.
    fail_on_optional=("APPLICATION_DEAUTHORIZED",),
    handshakes=(
        Registration(asked=InBody(("application_id",), where=(("type",), "0")), reply=Always(_NOTHING)),
    ),
    responses=Responses(accepted=_NOTHING, pending=_NOTHING),
    deadline=timedelta(seconds=3),
    # Ever longer apart, ten minutes in all.
    retries_for=timedelta(minutes=10),
    unconfirmed=("each repeat is signed anew",),
)
