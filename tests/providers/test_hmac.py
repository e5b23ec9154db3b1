"""A sender's own HMAC, described in the settings of a source."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.delivery import Challenge, Delivery, Event, Headers
from gateway.errors import Malformed, Unverified
from gateway.providers.base import Provider
from gateway.providers.hmac import HmacSettings, declare
from gateway.secret import Secret
from tests.providers.samples import NOW, URL

SECRET = "an agreed secret of the two"
BODY = b'{"id":"e1","type":"done"}'


def provider(**settings: Any) -> Provider:
    return declare(HmacSettings(**{"header": "X-Signature", **settings}))


def post(body: bytes = BODY, media_type: str = "application/json", **headers: str) -> Delivery:
    fields = [("content-type", media_type)] if media_type else []
    return Delivery(
        "POST", URL, Headers([*fields, *((k.replace("_", "-"), v) for k, v in headers.items())]), body, NOW
    )


def only(declared: Provider, delivery: Delivery) -> Event:
    found = declared.read(delivery)
    assert not isinstance(found, Challenge)
    (event,) = found
    return event


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("secret_encoding", ["text", "hex", "base64"])
def test_hash_encoding_and_secret_are_as_set(algorithm: str, encoding: str, secret_encoding: str) -> None:
    declared = provider(algorithm=algorithm, encoding=encoding, secret_encoding=secret_encoding, prefix="s=")
    raw = SECRET.encode()
    secret = {"text": SECRET, "hex": raw.hex(), "base64": base64.b64encode(raw).decode()}[secret_encoding]
    digest = hmac.digest(raw, BODY, algorithm)
    text = "s=" + (digest.hex() if encoding == "hex" else base64.b64encode(digest).decode())
    assert declared.verify(post(x_signature=text), [declared.key(Secret(secret))], NOW) == 0
    with pytest.raises(Unverified):
        declared.verify(post(x_signature=text[2:]), [declared.key(Secret(secret))], NOW)


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        ("{body}", BODY),
        ("{timestamp}.{body}", b"1795380000123." + BODY),
        ("{timestamp}{body}", b"1795380000123" + BODY),
        ("v1:{header:X-Id}:{timestamp}:{body}", b"v1:id-7:1795380000123:" + BODY),
        ("{url}{body}", URL.encode() + BODY),
        ("{body}/{header:x-id}", BODY + b"/id-7"),
    ],
)
def test_what_is_signed_is_as_set(signed: str, expected: bytes) -> None:
    timed: dict[str, Any] = (
        {"timestamp_header": "X-Time", "timestamp_unit": "ms"} if "{timestamp}" in signed else {}
    )
    declared = provider(signed=signed, **timed)
    text = hmac.new(SECRET.encode(), expected, hashlib.sha256).hexdigest()
    delivery = post(x_signature=text, x_id="id-7", x_time="1795380000123")
    made = [declared.key(Secret(SECRET))]
    assert declared.verify(delivery, made, NOW) == 0
    if timed:
        with pytest.raises(Unverified, match="too old"):
            declared.verify(delivery, made, NOW + 301)
        tight = provider(signed=signed, tolerance=5, **timed)
        with pytest.raises(Unverified, match="too old"):
            tight.verify(delivery, made, NOW + 6)


def test_a_signed_header_does_not_hold_the_separator() -> None:
    declared = provider(signed="{header:x-id}.{body}")
    with pytest.raises(ValueError, match="separator"):
        declared.scheme.sign(post(x_id="a.b"), declared.key(Secret(SECRET)), NOW)
    text = hmac.new(SECRET.encode(), b"a.b." + BODY, hashlib.sha256).hexdigest()
    with pytest.raises(Unverified, match="separator"):
        declared.verify(post(x_id="a.b", x_signature=text), [declared.key(Secret(SECRET))], NOW)
    behind = provider(signed="{body}.{header:x-id}")
    text = hmac.new(SECRET.encode(), b"{}.a.b", hashlib.sha256).hexdigest()
    with pytest.raises(Unverified, match="separator"):
        behind.verify(
            replace(post(x_id="a.b", x_signature=text), body=b"{}"), [behind.key(Secret(SECRET))], NOW
        )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"header": "X Signature"}, "the name of a header is needed"),
        ({"header": ""}, "the name of a header is needed"),
        ({"algorithm": "md5"}, "sha256"),
        ({"encoding": "base32"}, "base64"),
        ({"signed": "{payload}"}, r"\{payload\} is not known; there are \{body\}"),
        ({"signed": "{header:x y}.{body}"}, "the name of a header is needed"),
        ({"signed": "{body"}, "a brace stands alone"),
        ({"signed": "{header:x-id}"}, "has to be in it, once"),
        ({"signed": "{body}.{body}"}, "has to be in it, once"),
        ({"signed": "{timestamp}.{body}"}, "timestamp_header"),
        ({"timestamp_header": "x-time"}, r"\{timestamp\} in signed"),
        ({"signed": "{header:x-id}{body}"}, "side by side"),
        ({"signed": "{body}{header:x-id}"}, "side by side"),
        ({"tolerance": 0}, "greater than or equal to 1"),
        ({"event_type": "data type"}, "is no place"),
        ({"event_id": "cookie:x"}, "is no place"),
        ({"event_id": "a..b"}, "is no place"),
        ({"reference": "header:x-reference"}, "not covered by the signature"),
        ({"reference": "a|b"}, "one place"),
        ({"secret": "x"}, "Extra inputs"),
    ],
)
def test_a_wrong_setting_is_explained(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        provider(**settings)


def test_a_reference_may_stand_in_a_header_that_is_signed() -> None:
    declared = provider(signed="{header:x-ref}.{body}", reference="header:X-Ref", event_id="header:x-id")
    event = only(declared, post(x_ref="k3x9", x_id="e7"))
    assert event.references == ("k3x9",)
    assert (event.id, event.id_covered, event.type_covered) == ("e7", False, True)


def test_without_an_id_the_body_s_hash_identifies() -> None:
    event = only(provider(), post())
    assert event.id is None
    assert event.digest == hashlib.sha256(BODY).digest()


@pytest.mark.parametrize(
    ("body", "media_type", "data", "is_json", "as_sent"),
    [
        (b'{"a":1.10}', "application/json", b'{"a":1.10}', True, "application/json"),
        (b'{"a":1.10}', "application/cloudevents+json", b'{"a":1.10}', True, "application/json"),
        (b"[1]", "", b"[1]", True, "application/json"),
        (b"a=1&b=2&b=3", "application/x-www-form-urlencoded", b'{"a":"1","b":["2","3"]}', True, None),
        (b"<ok/>", "text/xml; charset=utf-8", b"<ok/>", False, "text/xml; charset=utf-8"),
        (b'{"a":NaN}', "application/json", b'{"a":NaN}', False, "application/json"),
        (b"\xff\xfe", "", b"\xff\xfe", False, "application/octet-stream"),
        (b"", "", b"", False, "application/octet-stream"),
        (b"1", "text/plain", b"1", False, "text/plain"),
        (b"x", "not a type", b"x", False, "application/octet-stream"),
    ],
)
def test_any_body_goes_on_unchanged(
    body: bytes, media_type: str, data: bytes, is_json: bool, as_sent: str | None
) -> None:
    event = only(provider(event_type="text:done"), post(body, media_type))
    assert (event.type, event.data, event.json) == ("done", data, is_json)
    assert event.media_type == (as_sent or "application/json")


def test_a_body_without_the_type_is_malformed() -> None:
    for body, media_type in ((b"{}", "application/json"), (b"<x/>", "text/xml"), (b"nonsense", "")):
        with pytest.raises(Malformed, match="no event type"):
            provider().read(post(body, media_type))


def test_a_time_is_passed_on_where_it_is_rfc_3339() -> None:
    declared = provider(time="at")
    for text, passed in (
        ("2026-11-22T20:36:40Z", True),
        ("2026-11-22t20:36:40.123456789+01:00", True),
        ("1795380000", False),
        ("yesterday", False),
        ("2026-11-22T20:36:40Z or so", False),
        ("2026-11-22", False),
    ):
        event = only(declared, post(b'{"type":"a","at":"%s"}' % text.encode()))
        assert event.time == (text if passed else None)
