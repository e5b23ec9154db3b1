"""Questions at registration: what is asked where, and what is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery import Challenge, Delivery, Headers
from gateway.errors import Malformed, Unverified
from gateway.providers import CATALOGUE
from gateway.providers.handshakes import Echo, EchoAs, InBody, InHeader, InQuery, Registration, Signed
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.secret import Secret
from tests.providers.samples import keys, signed

SCHEME = HeaderScheme(header="x-signature", algorithms=(("", Hmac()),))
KEYS = [SCHEME.key(Secret("a secret of the tests' own")), SCHEME.key(Secret("an older secret of theirs"))]
TOKEN = Secret("the verify token of the tests")
HUB = Registration(
    asked=InQuery("hub.challenge", where=(("hub.mode", "subscribe"),), token="hub.verify_token"),
    reply=Echo(),
    method="GET",
    signed=False,
)


def asked(query: str = "", body: bytes = b"", method: str = "GET", **headers: str) -> Delivery:
    url = f"https://hooks.example.com/s/x?{query}" if query else "https://hooks.example.com/s/x"
    return Delivery(method, url, Headers().with_(**headers), body, 0.0)


def body(handshake: Registration, delivery: Delivery) -> bytes:
    found = handshake.answer(delivery, KEYS)
    assert found is not None
    return found.answer.body


def test_a_challenge_is_echoed_to_whoever_knows_the_verify_token() -> None:
    handshake = HUB.with_token(TOKEN)
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=the+verify+token+of+the+tests"
    assert body(handshake, asked(query)) == b"1158201444"
    assert handshake.answer(asked(query.replace("subscribe", "unsubscribe")), KEYS) is None
    assert handshake.answer(asked("x=1"), KEYS) is None
    for wrong in ("", "the+verify+token", "%00", "%FF", "%C3%A9"):
        wrong_query = f"hub.mode=subscribe&hub.challenge=1&hub.verify_token={wrong}"
        with pytest.raises((Unverified, Malformed)):
            handshake.answer(asked(wrong_query), KEYS)
    with pytest.raises(Unverified, match="is not the source's verify_token"):
        handshake.answer(asked("hub.mode=subscribe&hub.challenge=1"), KEYS)
    with pytest.raises(Malformed, match="a name twice"):
        handshake.answer(asked(query + "&hub.challenge=2"), KEYS)
    with pytest.raises(Unverified, match="no verify_token"):
        HUB.answer(asked(query), KEYS)
    assert "verify token of" not in repr(handshake)


@pytest.mark.parametrize("challenge", ["", "x" * 257, "a%0Ab", "%00", "%C3%A9", "a%7F", "%E2%80%A8"])
def test_what_is_echoed_is_short_printable_ascii(challenge: str) -> None:
    handshake = Registration(asked=InQuery("challenge"), reply=Echo(), method="GET", signed=False)
    with pytest.raises(Malformed, match="challenge"):
        handshake.answer(asked(f"challenge={challenge}"), KEYS)
    found = handshake.answer(asked("challenge=" + "x" * 256), KEYS)
    assert found is not None
    assert (found.answer.status, found.answer.media_type) == (200, "text/plain")
    assert ("x-content-type-options", "nosniff") in found.answer.headers


def test_an_answer_is_signed_with_the_first_secret() -> None:
    zoom = Registration(
        asked=InBody(("payload", "plainToken"), where=(("event",), "endpoint.url_validation")),
        reply=Signed("encryptedToken", plain="plainToken"),
    )
    question = b'{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}'
    wanted = hmac.new(b"a secret of the tests' own", b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256)
    assert json.loads(body(zoom, asked(body=question, content_type="application/json"))) == {
        "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
        "encryptedToken": wanted.hexdigest(),
    }
    with pytest.raises(Unverified, match="no secret"):
        zoom.answer(asked(body=question, content_type="application/json"), [])


def test_x_s_hourly_question_is_answered_in_base64() -> None:
    provider = CATALOGUE["twitter"]
    keys = [provider.key(Secret("a secret of the tests' own"))]
    found = provider.greet(asked("crc_token=abc&nonce=1"), keys)
    assert isinstance(found, Challenge)
    mac = hmac.new(b"a secret of the tests' own", b"abc", hashlib.sha256).digest()
    assert json.loads(found.answer.body) == {"response_token": "sha256=" + base64.b64encode(mac).decode()}
    # The same by POST is none.
    assert provider.greet(asked("crc_token=abc", method="POST"), keys) is None


@pytest.mark.parametrize("name", ["twitter", "zoom"])
def test_what_could_be_an_event_is_not_signed_for_whoever_asks(name: str) -> None:
    (handshake,) = CATALOGUE[name].handshakes
    assert isinstance(handshake, Registration)
    event = '{"for_user_id":"1","tweet_create_events":[{"id_str":"1"}]}'
    for text in (event, f"v0:1795380000:{event}", "[1]", '"a"', "a b", "a\n", "a.b"):
        with pytest.raises(Malformed):
            handshake.reply.answer(text, KEYS)
    assert handshake.reply.answer("M2Q5ZmM0NzMtYTU4_-+/9w==", KEYS).status == 200


def test_x_is_no_place_to_have_an_event_signed() -> None:
    event = signed("twitter").body.decode()
    question = asked("crc_token=" + quote(event[:256]), b"", "GET")
    with pytest.raises(Malformed):
        CATALOGUE["twitter"].greet(question, keys("twitter"))


def test_a_question_in_a_header_may_be_there_once() -> None:
    handshake = Registration(asked=InHeader("x-challenge"), reply=EchoAs("verification"), method="GET")
    assert body(handshake, asked(x_challenge='a"b')) == b'{"verification": "a\\"b"}'
    assert handshake.answer(asked(), KEYS) is None
    twice = Delivery("GET", "https://x/", Headers([("x-challenge", "a"), ("X-Challenge", "b")]), b"", 0.0)
    with pytest.raises(Unverified, match="2 times"):
        handshake.answer(twice, KEYS)


GREETING = [name for name, provider in CATALOGUE.items() if provider.handshakes]
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", GREETING)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_whatever_is_asked_an_answer_is_small_or_our_own_error(name: str, data: st.DataObject) -> None:
    provider = CATALOGUE[name]
    for handshake in provider.handshakes:
        assert isinstance(handshake, Registration)
        query = data.draw(st.text(max_size=40))
        content: dict[str, Any] = {}
        match handshake.asked:
            case InQuery(wanted, where, token):
                query = f"{wanted}={query}" + "".join(f"&{key}={value}" for key, value in where)
                query += f"&{token}=x" if token else ""
            case InBody(path, (place, kind)):
                for keys, value in (
                    (place, int(kind) if kind.isdigit() else kind),
                    (path, data.draw(values)),
                ):
                    inner = content
                    for step in keys[:-1]:
                        inner = inner.setdefault(step, {})
                    inner[keys[-1]] = value
        text: Any = [content.get("*", content)] if "*" in content else content
        headers = {header.replace("-", "_"): data.draw(st.text(max_size=300)) for header in handshake.headers}
        question = asked(query, json.dumps(text).encode(), handshake.method, **headers)
        try:
            found = handshake.answer(question, KEYS)
        except (Malformed, Unverified):
            continue
        assert found is None or len(found.answer.body) < 1000


@pytest.mark.parametrize("name", GREETING)
def test_a_delivery_is_no_question(name: str) -> None:
    provider = CATALOGUE[name]
    assert provider.greet(signed(name), []) is None
    assert not isinstance(provider.read(signed(name)), Challenge)
