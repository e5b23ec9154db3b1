"""Twilio signs the URL, with or without its port, and the fields or the hash of the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from gateway.delivery import Delivery
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.providers.signatures.template import Message, SortedParams, Template
from tests.providers.samples import NOW, SECRETS, key, keys, sample, signed

PROVIDER = CATALOGUE["twilio"]


def signature_of(text: str) -> str:
    digest = hmac.new(SECRETS["twilio"][0].encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def post(url: str, signed_url: str, body: bytes = b"", fields: str = "") -> Delivery:
    headers = sample("twilio").delivery.headers.with_(x_twilio_signature=signature_of(signed_url + fields))
    return Delivery("POST", url, headers, body, NOW)


@pytest.mark.parametrize(
    ("issued", "signed_url", "accepted"),
    [
        ("https://h.example/c/a?b=1", "https://h.example/c/a?b=1", True),
        ("https://h.example/c/a?b=1", "https://h.example:443/c/a?b=1", True),
        ("https://h.example:443/c/a", "https://h.example/c/a", True),
        ("http://h.example/c/a", "http://h.example:80/c/a", True),
        ("https://h.example:8443/c/a", "https://h.example/c/a", True),
        ("https://h.example:8443/c/a", "https://h.example:8443/c/a", True),
        ("https://u:p@h.example/c/a", "https://u:p@h.example:443/c/a", True),
        ("https://[::1]:8443/c/a", "https://[::1]/c/a", True),
        ("https://[::1]/c/a", "https://[::1]:443/c/a", True),
        ("https://h.example/c/a", "https://h.example:444/c/a", False),
        ("https://h.example/c/a", "http://h.example/c/a", False),
        ("https://h.example/c/a?b=1", "https://h.example/c/a", False),
        ("https://h.example/c/a", "https://H.example/c/a", False),
        ("https://h.example/c/a:443", "https://h.example/c/a", False),
    ],
)
def test_the_issued_url_counts_with_and_without_its_port(
    issued: str, signed_url: str, accepted: bool
) -> None:
    delivery = post(issued, signed_url, b"B=2&A=1", "A1B2")
    if accepted:
        assert PROVIDER.verify(delivery, keys("twilio"), NOW) == 0
    else:
        with pytest.raises(Unverified):
            PROVIDER.verify(delivery, keys("twilio"), NOW)


def test_a_json_body_counts_by_its_hash_in_the_signed_url() -> None:
    plain = sample("twilio").delivery
    as_json = replace(
        plain, headers=plain.headers.with_(content_type="application/json"), body=b'{"EventType":"done"}'
    )
    good = PROVIDER.scheme.sign(as_json, key("twilio"), NOW)
    assert f"&bodySHA256={hashlib.sha256(good.body).hexdigest()}" in good.url
    assert PROVIDER.verify(good, keys("twilio"), NOW) == 0
    for bad in (
        replace(good, body=b'{"EventType":"gone"}'),
        replace(good, url=good.url + "0"),
        replace(good, url=plain.url),
    ):
        with pytest.raises(Unverified):
            PROVIDER.verify(bad, keys("twilio"), NOW)
    twice = f"{good.url}&{good.url.rpartition('&')[2]}"
    with pytest.raises(Unverified):
        PROVIDER.verify(
            replace(good, url=twice, headers=good.headers.with_(x_twilio_signature=signature_of(twice))),
            keys("twilio"),
            NOW,
        )


def test_a_signed_url_alone_does_not_vouch_for_a_body() -> None:
    url = "https://h.example/c/a"
    for media_type, body in (("application/json", b'{"type":"done"}'), ("text/plain", b"x"), ("", b"")):
        bare = post(url, url, body)
        with pytest.raises(Unverified):
            PROVIDER.verify(
                replace(bare, headers=bare.headers.with_(content_type=media_type)), keys("twilio"), NOW
            )


def test_the_order_of_the_fields_does_not_matter_and_their_values_do() -> None:
    good = signed("twilio")
    pairs = good.body.split(b"&")
    assert PROVIDER.verify(replace(good, body=b"&".join(pairs[::-1])), keys("twilio"), NOW) == 0
    for body in (b"&".join(pairs[1:]), good.body + b"&Extra=1", good.body.replace(b"delivered", b"failed")):
        with pytest.raises(Unverified):
            PROVIDER.verify(replace(good, body=body), keys("twilio"), NOW)


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%FF", b"&".join(b"a=1" for _ in range(1001))])
def test_a_form_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(Unverified, match="the body is not a form"):
        Template.of(SortedParams()).render(Message(replace(signed("twilio"), body=body)))
    with pytest.raises(Unverified):
        PROVIDER.verify(replace(signed("twilio"), body=body), keys("twilio"), NOW)


def test_our_own_query_is_part_of_what_is_signed() -> None:
    body = urlencode({"MessageSid": "SM1", "MessageStatus": "sent"}).encode()
    delivery = post(
        "https://h.example/c/a?x=%2F", "https://h.example/c/a?x=%2F", body, "MessageSidSM1MessageStatussent"
    )
    assert PROVIDER.verify(delivery, keys("twilio"), NOW) == 0
