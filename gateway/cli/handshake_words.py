"""A provider's question at registration in words, told from its declaration."""

from __future__ import annotations

from typing import Any

from gateway.cli.signature_words import first_sentence
from gateway.providers.base import Handshake
from gateway.providers.handshakes import (
    AllowOrigin,
    Always,
    Echo,
    EchoAs,
    InBody,
    InHeader,
    InQuery,
    Registration,
    Signed,
)


def describe(handshake: Handshake) -> str:
    """A line that says what is asked, what the answer is, and who may ask."""
    if not isinstance(handshake, Registration):
        return first_sentence(handshake)
    reply = "its URL is visited, where the source says confirm = true"
    if handshake.visit is None:
        reply = f"answered with {_reply(handshake.reply)}"
    who = "signed as its events are" if handshake.signed else "from anybody"
    return f"{handshake.method} with {_asked(handshake.asked)}, {who}: {reply}"


def _asked(asked: Any) -> str:
    match asked:
        case InQuery(name, where, token):
            conditions = [f"{key}={value}" for key, value in where]
            conditions += [f"the source's verify_token as {token}"] if token else []
            return f"{name} in the query" + "".join(f" and {one}" for one in conditions)
        case InHeader(name):
            return f"the header {name}"
        case InBody(path, (place, value)):
            return f"{'.'.join(path)} in a body whose {'.'.join(place)} is {value}"
    return _lower(first_sentence(asked))


def _reply(reply: Any) -> str:
    match reply:
        case Echo():
            return "the same text"
        case EchoAs(name):
            return f"the same text as {name} in JSON"
        case Always(answer):
            return f"{answer.status} {answer.body.decode()}".rstrip()
        case Signed(name):
            return f"the text's HMAC-SHA256 with the first secret as {name} in JSON"
        case AllowOrigin():
            return "the leave to send"
    return _lower(first_sentence(reply))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
