"""
Discord's interactions, https://docs.discord.com/developers/interactions/overview

Discord sends badly signed ones on purpose, and wants 401 for them. An answer is what the user sees; the one
given here says "taken, nothing to show".
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

DISCORD = Provider(
    name="discord",
    title="Discord",
    documentation="https://docs.discord.com/developers/interactions/overview",
    secrets_from="in the Developer Portal under the application's General Information",
    quirks=("wrong signatures are sent on purpose when the URL is registered, and have to be refused",),
    scheme=HeaderScheme(
        header="x-signature-ed25519",
        algorithms=(("", _KEY),),
        # Nothing stands between the two: a body is an object, so no digit of the time can be its beginning.
        templates=(Template.of(_STAMP, Body()),),
        timestamp=Timestamp(source=_STAMP),
    ),
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
