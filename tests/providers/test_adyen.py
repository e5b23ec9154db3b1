"""Adyen: each item of a batch has a signature of its own, over eight fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.delivery import Challenge, Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from tests.providers.samples import NOW, key, keys, signed

PROVIDER = CATALOGUE["adyen"]
SIGNED = [
    ("pspReference",),
    ("originalReference",),
    ("merchantAccountCode",),
    ("merchantReference",),
    ("amount", "value"),
    ("amount", "currency"),
    ("eventCode",),
    ("success",),
]


def changed(change: Callable[[list[dict[str, Any]]], object]) -> Delivery:
    """The genuine delivery of two items, with its items changed behind the signatures."""
    good = signed("adyen")
    value = json.loads(good.body)
    change([item["NotificationRequestItem"] for item in value["notificationItems"]])
    return replace(good, body=json.dumps(value).encode())


def refused(delivery: Delivery) -> bool:
    try:
        PROVIDER.verify(delivery, keys("adyen"), NOW)
    except Unverified:
        return True
    return False


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("path", SIGNED, ids=".".join)
def test_none_of_the_eight_fields_of_any_item_can_be_changed(path: tuple[str, ...], place: int) -> None:
    def change(items: list[dict[str, Any]]) -> None:
        inner = items[place]
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = 4201 if path[-1] == "value" else "other"

    assert refused(changed(change))


def test_what_is_not_signed_does_not_make_another_event() -> None:
    def change(items: list[dict[str, Any]]) -> None:
        items[0]["reason"] = "another reason"
        items[0]["additionalData"]["metadata.reference"] = "somebody else's"

    delivery = changed(change)
    assert not refused(delivery)
    before, after = PROVIDER.read(signed("adyen")), PROVIDER.read(delivery)
    assert not isinstance(before, Challenge)
    assert not isinstance(after, Challenge)
    assert [(e.id, e.digest, e.references) for e in before] == [(e.id, e.digest, e.references) for e in after]


def test_one_bad_item_refuses_the_whole_delivery() -> None:
    def swap(items: list[dict[str, Any]]) -> None:
        first, second = (item["additionalData"] for item in items)
        first["hmacSignature"], second["hmacSignature"] = second["hmacSignature"], first["hmacSignature"]

    assert refused(changed(swap))
    assert refused(changed(lambda items: items[1].pop("additionalData")))
    assert refused(changed(lambda items: items[1]["additionalData"].pop("hmacSignature")))
    assert refused(changed(lambda items: items[1]["additionalData"].update(hmacSignature=None)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"notificationItems":[]}',
        b'{"notificationItems":{}}',
        b'{"notificationItems":[null]}',
        b'{"notificationItems":[{}]}',
        b'{"notificationItems":[],"notificationItems":[]}',
        b'{"notificationItems":[{"NotificationRequestItem":[]}]}',
    ],
)
def test_nothing_to_check_is_a_failure(body: bytes) -> None:
    assert refused(replace(signed("adyen"), body=body))


def test_items_signed_with_different_secrets_need_both() -> None:
    first, second = signed("adyen", place=0), signed("adyen", place=1)
    mixed = json.loads(first.body)
    mixed["notificationItems"][1] = json.loads(second.body)["notificationItems"][1]
    delivery = replace(first, body=json.dumps(mixed).encode())
    assert PROVIDER.verify(delivery, [key("adyen", 0), key("adyen", 1)], NOW) == 1
    assert refused(delivery)


def test_text_cannot_be_moved_from_one_field_to_the_next() -> None:
    # The second item's reference is "shop:77": with it, the signed text has one colon more.
    def move(items: list[dict[str, Any]]) -> None:
        items[1].update(merchantAccountCode="ExampleShop:shop", merchantReference="77")

    delivery = changed(move)
    with pytest.raises(Unverified, match="merchantAccountCode holds the separator"):
        PROVIDER.verify(delivery, keys("adyen"), NOW)


def test_a_truth_value_and_an_absent_field_are_signed_as_their_texts() -> None:
    def change(items: list[dict[str, Any]]) -> None:
        items[0].update(success=True, originalReference=None)

    delivery = changed(change)
    assert not refused(delivery)
    found = PROVIDER.read(delivery)
    assert not isinstance(found, Challenge)
    assert found[0].type == "AUTHORISATION.true"


@pytest.mark.parametrize("value", [42.0, [4200], {"a": 1}])
def test_a_signed_field_is_a_text_or_a_whole_number(value: object) -> None:
    assert refused(changed(lambda items: items[0]["amount"].update(value=value)))


def test_a_key_that_is_read_is_there_once() -> None:
    good = signed("adyen")
    doubled = good.body.replace(
        b'"merchantReference":"shop:77"', b'"merchantReference":"shop:77","merchantReference":"shop:77"'
    )
    assert refused(replace(good, body=doubled))
    with pytest.raises(Malformed):
        PROVIDER.read(replace(good, body=doubled))


def test_an_item_is_passed_on_as_it_stands() -> None:
    good = signed("adyen")
    spaced = good.body.replace(b'"value":4200', b'"value" :  4200')
    found = PROVIDER.read(replace(good, body=spaced))
    assert not isinstance(found, Challenge)
    assert all(event.data in spaced and b'"value" :  4200' in event.data for event in found)


@pytest.mark.parametrize("secret", ["no-hex-at-all", "44782DEF547AAA06C910C43932B1EB0", "44782DEF"])
def test_the_key_is_hex(secret: str) -> None:
    with pytest.raises(ValueError, match="64 digits in hex") as caught:
        PROVIDER.key(Secret(secret))
    assert secret not in str(caught.value)
