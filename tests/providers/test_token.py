"""A secret that comes along, and what is stored in its place."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from gateway.providers.signatures.token import InHeader, InItems, InQuery, TokenPlace, TokenScheme, basic
from gateway.secret import Secret

PLACES: dict[str, TokenPlace] = {
    "header": InHeader("x-token"),
    "bearer": InHeader("authorization", "Bearer "),
    "basic": basic(),
    "query": InQuery("token"),
    "items": InItems(("value",), ("state", "secret")),
}
SECRET, OTHER = Secret("user:päss word & more"), Secret("user:another password")
ASCII = Secret("user:password & more?")
PLAIN = Delivery(
    "POST", "https://hooks.example.com/s/x?a=1", Headers(), b'{"value":[{"id":1},{"id":2}]}', 0.0
)


@pytest.mark.parametrize("name", PLACES)
def test_the_secret_is_found_where_it_was_put_and_another_is_refused(name: str) -> None:
    scheme = TokenScheme(place=PLACES[name])
    delivery = scheme.sign(PLAIN, ASCII, 0.0)
    assert scheme.verify(delivery, [ASCII], 0.0) == 0
    assert scheme.verify(delivery, [OTHER, ASCII], 0.0) == 1
    for keys in ([], [OTHER], [Secret(ASCII.reveal() + b" ")], [Secret(ASCII.reveal()[:-1])]):
        with pytest.raises(Unverified):
            scheme.verify(delivery, keys, 0.0)
    with pytest.raises(Unverified):
        scheme.verify(PLAIN, [ASCII], 0.0)


# In items it is part of the body, which is stored as it came.
@pytest.mark.parametrize("name", [name for name in PLACES if name != "items"])
def test_what_is_stored_holds_no_secret_and_verifies_for_this_body_only(name: str) -> None:
    scheme = TokenScheme(place=PLACES[name])
    delivery = scheme.sign(PLAIN, ASCII, 0.0)
    kept = scheme.kept(delivery)
    assert scheme.verify(kept, [OTHER, ASCII], 0.0) == 1
    assert scheme.kept(PLAIN) == PLAIN
    text = f"{list(kept.headers)} {kept.url}"
    assert ASCII.reveal().decode() not in text
    assert base64.b64encode(ASCII.reveal()).decode() not in text
    with pytest.raises(Unverified):
        scheme.verify(replace(kept, body=kept.body + b" "), [ASCII], 0.0)
    with pytest.raises(Unverified):
        scheme.verify(kept, [OTHER], 0.0)


def test_a_secret_of_any_text_can_stand_in_a_url_or_be_basic() -> None:
    for name in ("query", "basic"):
        scheme = TokenScheme(place=PLACES[name])
        assert scheme.verify(scheme.sign(PLAIN, SECRET, 0.0), [SECRET], 0.0) == 0


def test_each_item_of_a_batch_needs_the_secret() -> None:
    scheme = TokenScheme(place=PLACES["items"])
    good = scheme.sign(PLAIN, ASCII, 0.0)
    for bad in (
        good.body.replace(b"password", b"passw0rd", 1),
        good.body.replace(b'"secret":', b'"other":', 1),
        good.body.replace(b'"secret":', b'"secret":"x","secret":', 1),
        *(b'{"value":[]}', b'{"value":{}}', b"[]", b"", b'{"value":[null]}', b'{"value":[{"state":1}]}'),
    ):
        with pytest.raises(Unverified):
            scheme.verify(replace(good, body=bad), [ASCII], 0.0)


def test_a_query_has_the_secret_once() -> None:
    scheme = TokenScheme(place=InQuery("token"))
    good = scheme.sign(PLAIN, ASCII, 0.0)
    with pytest.raises(Unverified, match="2 times"):
        scheme.verify(replace(good, url=f"{good.url}&token=x"), [ASCII], 0.0)
    with pytest.raises(Unverified, match="can't be read"):
        scheme.verify(replace(good, url=f"{good.url}&a=%FF"), [ASCII], 0.0)
    with pytest.raises(Unverified, match="can't be read"):
        scheme.verify(replace(good, url=f"{good.url}{'&a=1' * 200}"), [ASCII], 0.0)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40))
def test_whatever_comes_only_unverified_comes_out(text: str) -> None:
    for place in PLACES.values():
        delivery = Delivery("POST", f"https://x/?{text}", Headers([("x-token", text)]), text.encode(), 0.0)
        delivery = replace(delivery, headers=delivery.headers.with_(authorization=text))
        with pytest.raises(Unverified):
            TokenScheme(place=place).verify(delivery, [ASCII], 0.0)
        TokenScheme(place=place).kept(delivery)
