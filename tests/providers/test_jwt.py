"""Signed tokens: whose, for what, how long, and by which algorithm."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.jwt import JwkSet, JwtScheme
from gateway.secret import Secret
from tests.providers.keys import jwks, public_pem, rsa_key

NOW = 1_795_380_000.0
URL = "https://hooks.example.com/s/x"
SECRET = "a secret of the tests' own, long enough"
BODY = b'{"a":1}'
HASH = hashlib.sha256(BODY).hexdigest()
OWN = JwtScheme(
    header="authorization", prefix="Bearer ", algorithms=("HS256",), key_form=KeyForm(), body_hash="hash"
)
PUBLISHED = JwtScheme(
    header="authorization",
    prefix="Bearer ",
    algorithms=("RS256",),
    published=JwkSet("https://keys.example.com/"),
    issuers=("https://issuer.example.com",),
    subject="email",
    demands=(("email_verified", True),),
    audience=True,
    max_age=None,
    key_form=KeyForm(),
    material=jwks("RS256"),
)
EMAIL = "push@example.com"
GOOD = {
    "iss": "https://issuer.example.com",
    "email": EMAIL,
    "email_verified": True,
    "aud": URL,
    "iat": int(NOW),
    "exp": int(NOW) + 3600,
}


def bearing(token: str, body: bytes = BODY, url: str = URL) -> Delivery:
    return Delivery("POST", url, Headers([("authorization", f"Bearer {token}")]), body, NOW)


def own(claims: dict[str, Any], algorithm: str = "HS256", **header: Any) -> Delivery:
    """A delivery with a token signed with the secret."""
    return bearing(jwt.encode(claims, SECRET.ljust(64, "\0"), algorithm, header or None))


def published(claims: dict[str, Any], kid: str = "key-1") -> Delivery:
    """A delivery with a token signed with the published key."""
    return bearing(jwt.encode(claims, rsa_key(), "RS256", {"kid": kid}))


def judge(scheme: JwtScheme, delivery: Delivery, now: float = NOW, secret: str = SECRET) -> int:
    return scheme.verify(delivery, [scheme.key(Secret(secret))], now)


def refused(scheme: JwtScheme, delivery: Delivery, match: str, **more: Any) -> None:
    with pytest.raises(Unverified, match=match):
        judge(scheme, delivery, **more)


def test_a_token_over_the_body_is_accepted_and_any_other_body_is_not() -> None:
    good = own({"iat": int(NOW), "hash": HASH})
    assert judge(OWN, good) == 0
    refused(OWN, replace(good, body=BODY + b" "), "hash does not fit")
    refused(OWN, replace(good, body=b""), "there is no body")
    refused(OWN, own({"iat": int(NOW)}), "hash does not fit")
    refused(OWN, own({"iat": int(NOW), "hash": HASH.upper()}), "hash does not fit")
    refused(OWN, own({"iat": int(NOW), "hash": ["x"]}), "hash does not fit")
    refused(OWN, good, "signature does not fit", secret="another secret of the tests' own")
    assert judge(OWN, replace(own({"iat": int(NOW)}), body=b"")) == 0


@pytest.mark.parametrize(
    ("iat", "now", "why"),
    [
        (NOW - 300, NOW, None),
        (NOW - 301, NOW, "too old"),
        (NOW + 10, NOW, None),
        (NOW + 11, NOW, "of the future"),
        ("1795380000", NOW, "is no time"),
        (True, NOW, "is no time"),
        (None, NOW, "is no time"),
        (float("nan"), NOW, "too old|no time"),
    ],
)
def test_a_token_counts_for_five_minutes(iat: Any, now: float, why: str | None) -> None:
    delivery = own({"iat": iat, "hash": HASH})
    if why is None:
        assert judge(OWN, delivery, now) == 0
    else:
        refused(OWN, delivery, why, now=now)


def test_a_token_without_a_time_is_refused_and_one_that_has_ended() -> None:
    refused(OWN, own({"hash": HASH}), "does not say when")
    refused(OWN, own({"iat": int(NOW), "exp": int(NOW) - 10, "hash": HASH}), "has ended")
    refused(OWN, own({"iat": int(NOW), "nbf": int(NOW) + 60, "hash": HASH}), "of the future")
    endless = {name: value for name, value in GOOD.items() if name != "exp"}
    refused(PUBLISHED, published(endless), "has no end", secret=EMAIL)


def test_the_algorithm_is_never_the_token_s_own_choice() -> None:
    claims = {"iat": int(NOW), "hash": HASH}
    for algorithm in ("HS384", "HS512"):
        refused(OWN, own(claims, algorithm), "is not signed with HS256")
    refused(OWN, bearing(jwt.encode(claims, "", "none") + "AA"), "is not signed with HS256")
    refused(OWN, published(claims), "is not signed with HS256")
    # The provider's public key as an HMAC key: known to everybody.
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"key-1","typ":"JWT"}').rstrip(b"=").decode()
    text = f"{head}.{base64.urlsafe_b64encode(json.dumps(GOOD).encode()).rstrip(b'=').decode()}"
    mac = base64.urlsafe_b64encode(
        hashlib.new("sha256", public_pem(rsa_key()).encode() + text.encode()).digest()
    )
    refused(
        PUBLISHED, bearing(f"{text}.{mac.rstrip(b'=').decode()}"), "is not signed with RS256", secret=EMAIL
    )
    changed = text.replace(
        head, base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"key-1"}').decode().rstrip("=")
    )
    refused(PUBLISHED, bearing(f"{changed}.{mac.rstrip(b'=').decode()}"), "does not fit", secret=EMAIL)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({}, None),
        ({"iss": "https://evil.example.com"}, "another issuer's"),
        ({"aud": "https://hooks.example.com/s/y"}, "for another URL"),
        ({"aud": [URL]}, "for another URL"),
        ({"email": "else@example.com"}, "is not this source's"),
        ({"email": [EMAIL]}, "is not this source's"),
        ({"email_verified": False}, "email_verified is not True"),
        ({"email_verified": "true"}, "email_verified is not True"),
        ({"email_verified": 1}, "email_verified is not True"),
        ({"exp": int(NOW) - 10}, "has ended"),
    ],
)
def test_a_published_key_s_token_has_to_be_for_this_source_and_url(
    claims: dict[str, Any], why: str | None
) -> None:
    delivery = published({**GOOD, **claims})
    if why is None:
        assert judge(PUBLISHED, delivery, secret=EMAIL) == 0
    else:
        refused(PUBLISHED, delivery, why, secret=EMAIL)


@pytest.mark.parametrize(
    "material", [None, b"", b"{}", b"[]", b'{"keys":[]}', b'{"keys":[{"kid":"key-1"}]}', b"no", b'{"keys":1}']
)
def test_a_key_that_was_not_published_verifies_nothing(material: bytes | None) -> None:
    scheme = replace(PUBLISHED, material=material)
    refused(scheme, published(GOOD), "no such key|holds no keys|does not publish|can't be read", secret=EMAIL)


@pytest.mark.parametrize("kid", ["key-2", "", "a" * 129, "a b", "../x\n", "é"])
def test_a_key_id_is_a_plain_text_that_was_published(kid: str) -> None:
    refused(PUBLISHED, published(GOOD, kid), "names no key|does not publish", secret=EMAIL)
    refused(PUBLISHED, bearing(jwt.encode(GOOD, rsa_key(), "RS256")), "names no key", secret=EMAIL)


def test_a_short_secret_is_filled_as_hmac_does_and_makes_no_noise() -> None:
    token = own({"iat": int(NOW), "hash": HASH})
    assert judge(OWN, token) == 0
    with pytest.raises(Unverified):
        judge(OWN, token, secret="short")


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=60)
    | st.from_regex(r"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_=-]{0,9}")
)
def test_whatever_comes_only_unverified_comes_out(text: str) -> None:
    for scheme in (OWN, PUBLISHED):
        delivery = Delivery("POST", URL, Headers([("authorization", f"Bearer {text}")]), BODY, NOW)
        with pytest.raises(Unverified):
            judge(scheme, delivery)
