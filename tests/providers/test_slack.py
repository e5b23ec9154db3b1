"""Slack's handshake, interactions, events and commands."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.delivery import Challenge, Delivery, Event
from gateway.errors import Malformed, Unverified
from gateway.providers import CATALOGUE
from tests.providers.samples import NOW, keys, sample, signed

PROVIDER = CATALOGUE["slack"]


def post(value: object = None, **fields: str) -> Delivery:
    delivery = sample("slack").delivery
    if fields:
        return replace(delivery, body=urlencode(fields).encode())
    headers = delivery.headers.with_(content_type="application/json; charset=utf-8")
    return replace(delivery, headers=headers, body=json.dumps(value).encode())


def only(delivery: Delivery) -> Event:
    found = PROVIDER.read(delivery)
    assert not isinstance(found, Challenge)
    (event,) = found
    return event


def test_the_challenge_is_echoed_as_plain_text() -> None:
    found = PROVIDER.read(
        post({"type": "url_verification", "token": "t", "challenge": "3eZbrw1aBm2rZgRNFdxV"})
    )
    assert isinstance(found, Challenge)
    answer = found.answer
    assert (answer.status, answer.body, answer.media_type) == (200, b"3eZbrw1aBm2rZgRNFdxV", "text/plain")


def test_a_challenge_is_verified_as_everything_else() -> None:
    with pytest.raises(Unverified):
        PROVIDER.verify(post({"type": "url_verification", "challenge": "x"}), keys("slack"), NOW)


@pytest.mark.parametrize("challenge", [None, 5, "x" * 257, "<b>\n", "ä", {"a": 1}])
def test_a_challenge_that_is_none_is_malformed(challenge: object) -> None:
    with pytest.raises(Malformed, match="challenge"):
        PROVIDER.read(post({"type": "url_verification", "challenge": challenge}))
    long = PROVIDER.read(post({"type": "url_verification", "challenge": "x" * 256}))
    assert isinstance(long, Challenge)


def test_a_text_that_speaks_of_url_verification_is_no_handshake() -> None:
    value = {
        "type": "event_callback",
        "event_id": "Ev1",
        "event": {"type": "message", "text": "url_verification"},
    }
    event = only(post(value))
    assert (event.id, event.type) == ("Ev1", "event_callback.message")


def test_the_payload_of_an_interaction_is_passed_on_as_it_stands() -> None:
    payload = '{"type":"view_submission", "view":{"id":"V1","private_metadata":"k3x9"},"trigger_id":"1.2"}'
    event = only(post(payload=payload))
    assert event.data == payload.encode()
    assert (event.type, event.references, event.objects) == ("view_submission", ("k3x9",), ("V1",))


def test_a_command_is_an_object_of_its_fields() -> None:
    event = only(post(command="/deploy", text="main", trigger_id="3.4"))
    assert event.type == "command./deploy"
    assert json.loads(event.data) == {"command": "/deploy", "text": "main", "trigger_id": "3.4"}


@pytest.mark.parametrize(
    "fields",
    [
        [("payload", "{}"), ("payload", "{}")],
        [("payload", "not json")],
        [("payload", '{"type":"a","type":"b"}')],
        [("payload", "")],
        [("text", "no command")],
    ],
)
def test_a_form_that_cannot_be_read_is_malformed(fields: Any) -> None:
    with pytest.raises(Malformed):
        PROVIDER.read(replace(sample("slack").delivery, body=urlencode(fields).encode()))
    with pytest.raises(Malformed):
        PROVIDER.read(replace(signed("slack"), body=b"payload=%FF%FE"))
