"""
Two secrets at a time: a header for each (DocuSign, Box), or several signatures in one header (Persona,
Worldpay) or one field (Braintree).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from gateway.providers import CATALOGUE, form
from tests.providers.samples import NOW, key, signed

DOCUSIGN = [f"x-docusign-signature-{number}" for number in range(1, 17)]
HEADERS = {"box": ["box-signature-primary", "box-signature-secondary"], "docusign": DOCUSIGN}


def judged(name: str, delivery: Delivery, now: float = NOW) -> int:
    return CATALOGUE[name].verify(delivery, [key(name)], now)


def with_signatures(name: str, *signatures: tuple[str, str]) -> Delivery:
    """The genuine delivery with these headers in place of its signature."""
    delivery = signed(name)
    rest = [(field, value) for field, value in delivery.headers if field not in HEADERS[name]]
    return replace(delivery, headers=Headers([*rest, *signatures]))


@pytest.mark.parametrize("name", HEADERS)
def test_any_of_the_headers_may_carry_the_signature(name: str) -> None:
    good = signed(name).headers.one(HEADERS[name][0]) or ""
    other = signed(name, place=1).headers.one(HEADERS[name][0]) or ""
    for header in HEADERS[name]:
        assert judged(name, with_signatures(name, (header, good))) == 0
        with pytest.raises(Unverified, match="fits"):
            judged(name, with_signatures(name, (header, other)))
    first, second = HEADERS[name][:2]
    for pair in (
        [(first, other), (second, good)],
        [(first, good), (second, other)],
        [(first, ""), (second, good)],
    ):
        assert judged(name, with_signatures(name, *pair)) == 0


@pytest.mark.parametrize("name", HEADERS)
def test_none_of_the_headers_and_one_of_them_twice_is_refused(name: str) -> None:
    good = signed(name).headers.one(HEADERS[name][0]) or ""
    with pytest.raises(Unverified, match="is missing"):
        judged(name, with_signatures(name))
    for header in HEADERS[name]:
        with pytest.raises(Unverified, match="2 times"):
            judged(name, with_signatures(name, (header, good), (header, good)))
    with pytest.raises(Unverified, match="is missing"):
        judged("docusign", with_signatures("docusign", ("x-docusign-signature-17", good)))


def persona(*texts: str) -> Delivery:
    return replace(signed("persona"), headers=Headers([("persona-signature", " ".join(texts))]))


def written(now: float = NOW, place: int = 0) -> str:
    return signed("persona", now=now, place=place).headers.one("persona-signature") or ""


def test_each_of_two_signatures_has_its_own_time() -> None:
    good, foreign, stale = written(), written(place=1), written(NOW - 301)
    for texts in (
        (good,),
        (foreign, good),
        (good, foreign),
        (stale, good),
        (good, stale),
        (written(NOW + 9), foreign),
    ):
        assert judged("persona", persona(*texts)) == 0
    for texts in ((foreign,), (stale,), (foreign, stale), (f"{good},", foreign)):
        with pytest.raises(Unverified):
            judged("persona", persona(*texts))


def test_the_time_of_one_does_not_count_for_the_other() -> None:
    fresh = written(place=1).partition(",")[0]
    signature = written(NOW - 400).partition(",")[2]
    for text in (f"{fresh},{signature}", f"{fresh} {signature}", f"{fresh},{signature} {written(place=1)}"):
        with pytest.raises(Unverified):
            judged("persona", persona(text))


def test_sixteen_sets_are_looked_at_and_not_one_more() -> None:
    foreign = written(place=1)
    assert judged("persona", persona(*[foreign] * 15, written())) == 0
    for count in (16, 500):
        with pytest.raises(Unverified, match=r"more than 16|longer than"):
            judged("persona", persona(*[foreign] * count, written()))


def test_sixteen_keys_of_worldpay_are_looked_at_and_not_one_more() -> None:
    text = signed("worldpay").headers.one("event-signature") or ""
    for count, counts in ((15, True), (16, False), (500, False)):
        many = ",".join([*["9/SHA256/" + "0" * 64] * count, text])
        delivery = signed("worldpay")
        delivery = replace(delivery, headers=delivery.headers.with_(event_signature=many))
        if counts:
            assert judged("worldpay", delivery) == 0
            continue
        with pytest.raises(Unverified, match=r"more than 16|longer than"):
            judged("worldpay", delivery)


def test_sixteen_keys_of_braintree_are_looked_at_and_not_one_more() -> None:
    good = signed("braintree")
    text = dict(form.parse(good.body))["bt_signature"]
    for count, counts in ((15, True), (16, False), (500, False)):
        many = "&".join([*[f"other_key|{'0' * 40}"] * count, text])
        delivery = form.with_value(good, "bt_signature", many)
        if counts:
            assert judged("braintree", delivery) == 0
            continue
        with pytest.raises(Unverified, match=r"more than 16|longer than"):
            judged("braintree", delivery)
