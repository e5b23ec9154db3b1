"""Where next to nothing is signed: what somebody who has seen a delivery can make of it, and what not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from gateway import settings, sources
from gateway.delivery import Challenge, Delivery, Event
from gateway.errors import ConfigurationError, Unverified
from gateway.providers import CATALOGUE
from tests.providers.samples import NOW, SECRETS, keys, signed


def only(name: str, delivery: Delivery) -> Event:
    found = CATALOGUE[name].read(delivery)
    assert not isinstance(found, Challenge)
    (event,) = found
    return event


def mailgun(**changes: Any) -> Delivery:
    delivery = signed("mailgun")
    value = json.loads(delivery.body)
    value["event-data"] |= changes
    return replace(delivery, body=json.dumps(value).encode())


def test_mailgun_s_event_can_be_another_and_says_so() -> None:
    forged = mailgun(event="failed", severity="permanent", id="other")
    assert CATALOGUE["mailgun"].verify(forged, keys("mailgun"), NOW) == 0
    event = only("mailgun", forged)
    assert (event.type, event.type_covered) == ("failed.permanent", False)
    # Its identity is the token, which is signed: the second of the two is a repeat.
    assert (event.id, event.id_covered) == (only("mailgun", signed("mailgun")).id, True)
    assert event.references == event.objects == ()


def test_mailgun_s_time_and_token_cannot_share_their_digits() -> None:
    delivery = signed("mailgun")
    value = json.loads(delivery.body)
    time, token = value["signature"]["timestamp"], value["signature"]["token"]
    text = time + token
    for place in range(len(text) + 1):
        value["signature"] |= {"timestamp": text[:place], "token": text[place:]}
        moved = replace(delivery, body=json.dumps(value).encode())
        if place != len(time):
            with pytest.raises(Unverified):
                CATALOGUE["mailgun"].verify(moved, keys("mailgun"), NOW)


@pytest.mark.parametrize(("seconds", "accepted"), [(-901, False), (-900, True), (300, True), (301, False)])
def test_mailgun_s_signature_counts_for_a_quarter_of_an_hour(seconds: int, accepted: bool) -> None:
    delivery = signed("mailgun", now=NOW + seconds)
    if accepted:
        assert CATALOGUE["mailgun"].verify(delivery, keys("mailgun"), NOW) == 0
    else:
        with pytest.raises(Unverified, match="timestamp"):
            CATALOGUE["mailgun"].verify(delivery, keys("mailgun"), NOW)


def test_dropbox_sign_s_request_is_not_signed_and_its_type_is() -> None:
    delivery, provider = signed("dropbox-sign"), CATALOGUE["dropbox-sign"]
    other = replace(delivery, body=delivery.body.replace(b"fa5c8a0b", b"00000000"))
    assert provider.verify(other, keys("dropbox-sign"), NOW) == 0
    event = only("dropbox-sign", other)
    assert (event.type, event.type_covered, event.id_covered) == ("signature_request_all_signed", True, False)
    # Two requests that are signed in one second have one hash: they are two events.
    assert event.id != only("dropbox-sign", delivery).id
    assert event.digest is None
    declined = replace(delivery, body=delivery.body.replace(b"all_signed", b"declined"))
    with pytest.raises(Unverified):
        provider.verify(declined, keys("dropbox-sign"), NOW)


def test_dropbox_says_the_same_again_and_means_another_change() -> None:
    first, again = only("dropbox", signed("dropbox")), only("dropbox", signed("dropbox", now=NOW + 60))
    assert first == again
    assert first.id is None
    assert first.digest is None


@pytest.mark.parametrize("name", ["mailgun", "dropbox-sign"])
def test_a_source_that_nothing_leads_from_has_to_give_each_callback_its_url(name: str) -> None:
    assert CATALOGUE[name].verified == "notification"

    def load(**more: Any) -> sources.Sources:
        source = settings.Source(provider=name, secrets=tuple(map(SecretStr, SECRETS[name])), **more)
        return sources.load(
            settings.Settings(public_url="https://hooks.example.com", sources={"a": source}), {}
        )

    assert load(per_callback_url=True)["a"].gives_url
    with pytest.raises(
        ConfigurationError, match=r"sources\.a\.per_callback_url: nothing that .* can name a callback"
    ):
        load()
