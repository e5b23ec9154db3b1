"""
Telegram's bots, https://core.telegram.org/bots/api#setwebhook

Nothing is signed: the `secret_token` of setWebhook comes along. A button's data finds the callback, as our
reference; where several buttons belong to one callback, each data is an alias of it.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader, TokenScheme

#: A body could be read as a call of the bot's own.
_OK = Answer(200)

TELEGRAM = Provider(
    name="telegram",
    title="Telegram",
    documentation="https://core.telegram.org/bots/api#setwebhook",
    secrets_from="1 to 256 of A-Z a-z 0-9 _ - of your choice, given to setWebhook as secret_token",
    quirks=(
        "the URL's port has to be 443, 80, 88 or 8443",
        "a bot has one URL",
    ),
    scheme=TokenScheme(place=InHeader("x-telegram-bot-api-secret-token")),
    reader=FieldReader(
        type=at(
            "text:callback_query+has:callback_query.id|text:message+has:message.message_id"
            "|text:poll_answer+has:poll_answer.poll_id|text:update+has:update_id"
        ),
        id=at("update_id"),
        references=(at("callback_query.data"),),
        objects=(at("callback_query.data"), at("poll_answer.poll_id"), at("message.chat.id")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="account",
    succeed_on=("callback_query",),
    responses=Responses(accepted=_OK, pending=_OK),
    # Updates that are not taken are kept so long.
    retries_for=timedelta(hours=24),
    reference_field="callback_query.data",
    reference_max=64,
)
