"""What Zoom, Meta, Dropbox, WooCommerce, LINE and Xero ask or send when a URL is registered."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from gateway.delivery import Challenge, Delivery, Headers
from gateway.errors import Malformed, Unverified
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from tests.providers.samples import NOW, SECRETS, key, keys, sample, signed

JSON = Headers([("content-type", "application/json")])


def get(name: str, query: str) -> Challenge | None:
    delivery = Delivery("GET", f"https://hooks.example.com/s/a?{query}", Headers(), b"", NOW)
    return CATALOGUE[name].greet(delivery, keys(name))


def test_zoom_gets_its_token_back_signed_with_the_secret() -> None:
    provider = CATALOGUE["zoom"]
    question = {
        "event": "endpoint.url_validation",
        "event_ts": 1795380000123,
        "payload": {"plainToken": "qgg8vlvZ"},
    }
    delivery = replace(sample("zoom").delivery, headers=JSON, body=json.dumps(question).encode())
    delivery = provider.scheme.sign(delivery, key("zoom"), NOW)
    assert provider.greet(delivery, keys("zoom")) is None
    assert provider.verify(delivery, keys("zoom"), NOW) == 0
    found = provider.read(delivery, keys("zoom"))
    assert isinstance(found, Challenge)
    expected = hmac.new(SECRETS["zoom"][0].encode(), b"qgg8vlvZ", hashlib.sha256).hexdigest()
    assert json.loads(found.answer.body) == {"plainToken": "qgg8vlvZ", "encryptedToken": expected}
    assert found.answer.status == 200


def test_meta_is_echoed_only_where_it_knows_the_source_s_token() -> None:
    asked = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    with pytest.raises(Unverified, match="verify_token"):
        get("meta", asked + "meatyhamhock")
    provider = CATALOGUE["meta"].with_verify_token(Secret("meatyhamhock, the second helping"))
    for token, accepted in (("meatyhamhock,+the+second+helping", True), ("meatyhamhock", False), ("", False)):
        delivery = Delivery("GET", f"https://hooks.example.com/s/a?{asked}{token}", Headers(), b"", NOW)
        if accepted:
            found = provider.greet(delivery, keys("meta"))
            assert found is not None
            assert (found.answer.body, found.answer.media_type) == (b"1158201444", "text/plain")
        else:
            with pytest.raises(Unverified):
                provider.greet(delivery, keys("meta"))
    assert get("meta", "hub.mode=unsubscribe&hub.challenge=1") is None


def test_dropbox_is_echoed_as_plain_text_that_no_browser_takes_for_more() -> None:
    found = get("dropbox", "challenge=eYHTg3Zq7S-xl1rF8pL5ZQ")
    assert found is not None
    answer = found.answer
    assert (answer.status, answer.body, answer.media_type) == (200, b"eYHTg3Zq7S-xl1rF8pL5ZQ", "text/plain")
    assert ("x-content-type-options", "nosniff") in answer.headers
    assert get("dropbox", "other=1") is None
    for bad in ("challenge=" + "x" * 257, "challenge=%C3%A4", "challenge=a%0Ab", "challenge=1&challenge=2"):
        with pytest.raises(Malformed):
            get("dropbox", bad)


FORM = [("content-type", "application/x-www-form-urlencoded")]


@pytest.mark.parametrize(
    ("headers", "body", "is_ping"),
    [
        (FORM, b"webhook_id=142", True),
        ([*FORM, ("x-wc-webhook-signature", "AAAA")], b"webhook_id=142", False),
        (FORM, b"webhook_id=142&a=b", False),
        (FORM, b"webhook_id=", False),
        (FORM, b"webhook_id=1" + b"0" * 20, False),
        ([("content-type", "application/json")], b"webhook_id=142", False),
    ],
)
def test_a_shop_s_ping_is_answered_and_nothing_else_goes_unsigned(
    headers: list[tuple[str, str]], body: bytes, is_ping: bool
) -> None:
    provider = CATALOGUE["woocommerce"]
    delivery = Delivery("POST", "https://hooks.example.com/s/shop", Headers(headers), body, NOW)
    found = provider.greet(delivery, keys("woocommerce"))
    assert (found is not None and found.answer.status == 200 and found.answer.body == b"") is is_ping
    with pytest.raises(Unverified):
        provider.verify(delivery, keys("woocommerce"), NOW)


@pytest.mark.parametrize(
    ("name", "body"), [("line", {"destination": "U8", "events": []}), ("xero", {"events": []})]
)
def test_a_test_without_events_is_verified_and_answered(name: str, body: dict[str, object]) -> None:
    provider = CATALOGUE[name]
    delivery = replace(sample(name).delivery, body=json.dumps(body).encode())
    delivery = provider.scheme.sign(delivery, key(name), NOW)
    assert provider.verify(delivery, keys(name), NOW) == 0
    assert provider.read(delivery, keys(name)) == ()
    assert provider.acknowledge(()).status == 200


def test_xero_hears_401_and_nothing_else_of_a_bad_signature() -> None:
    answer = CATALOGUE["xero"].responses.unverified
    assert answer is not None
    assert (answer.status, answer.body) == (401, b"")
    with pytest.raises(Unverified):
        CATALOGUE["xero"].verify(signed("xero", place=1), keys("xero"), NOW)


def test_discord_s_two_questions_are_answered_each_at_its_own_url() -> None:
    def asked(name: str, kind: int, more: str = "") -> Delivery | Challenge:
        body = f'{{"version":1,"application_id":"845027738276462632","type":{kind}{more}}}'.encode()
        provider, delivery = CATALOGUE[name], replace(sample(name).delivery, body=body)
        good = provider.scheme.sign(delivery, key(name), NOW)
        assert provider.greet(good, keys(name)) is None
        assert provider.verify(good, keys(name), NOW) == 0
        with pytest.raises(Unverified):
            provider.verify(replace(good, body=body + b" "), keys(name), NOW)
        found = provider.read(good, keys(name))
        return found if isinstance(found, Challenge) else good

    interaction, event = asked("discord", 1), asked("discord-events", 0)
    assert isinstance(interaction, Challenge)
    assert (interaction.answer.status, interaction.answer.body) == (200, b'{"type":1}')
    assert isinstance(event, Challenge)
    assert (event.answer.status, event.answer.body) == (204, b"")
    # What is a question there is an event here.
    more = ',"event":{"type":"ENTITLEMENT_CREATE","data":{"id":"1"}}'
    assert not isinstance(asked("discord-events", 1, more), Challenge)
