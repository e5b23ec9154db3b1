"""Braintree: a signature in a form, over XML in base64, and a question that is answered with a signature."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery import Challenge, Delivery, Event, Headers
from gateway.errors import Malformed, Unverified
from gateway.providers import CATALOGUE, form
from gateway.secret import Secret
from tests.providers.samples import NOW, key, keys, sample, signed

PROVIDER = CATALOGUE["braintree"]


def fields(delivery: Delivery) -> dict[str, str]:
    return dict(form.parse(delivery.body))


def posted(pairs: list[tuple[str, str]]) -> Delivery:
    body = form.with_value(replace(signed("braintree"), body=b""), "x", "").body
    assert body == b"x="
    text = b"&".join(
        form.with_value(replace(signed("braintree"), body=b""), name, value).body for name, value in pairs
    )
    return replace(signed("braintree"), body=text)


def refused(delivery: Delivery) -> bool:
    try:
        PROVIDER.verify(delivery, keys("braintree"), NOW)
    except Unverified:
        return True
    return False


def only(delivery: Delivery) -> Event:
    found = PROVIDER.read(delivery)
    assert not isinstance(found, Challenge)
    (event,) = found
    return event


def test_no_character_of_the_payload_can_be_changed() -> None:
    good = fields(signed("braintree"))
    payload = good["bt_payload"]
    for place in range(0, len(payload), 7):
        other = payload[:place] + ("A" if payload[place] != "A" else "B") + payload[place + 1 :]
        assert refused(posted([("bt_signature", good["bt_signature"]), ("bt_payload", other)])), place


def test_a_payload_counts_with_and_without_its_last_line_feed() -> None:
    # A form that was trimmed on the way.
    good = fields(signed("braintree"))
    assert good["bt_payload"].endswith("\n")
    trimmed = [("bt_signature", good["bt_signature"]), ("bt_payload", good["bt_payload"].rstrip("\n"))]
    assert not refused(posted(trimmed))
    assert only(posted(trimmed)) == only(signed("braintree"))
    assert refused(posted([*trimmed[:1], ("bt_payload", good["bt_payload"] + "\n")]))


def test_the_signature_behind_our_public_key_counts_and_no_other() -> None:
    good = fields(signed("braintree"))
    name, _, signature = good["bt_signature"].partition("|")
    other = fields(signed("braintree", place=1))["bt_signature"]
    payload = ("bt_payload", good["bt_payload"])
    assert not refused(posted([("bt_signature", f"{other}&{name}|{signature}"), payload]))
    assert not refused(posted([("bt_signature", f"{name}|{signature}&{other}"), payload]))
    assert refused(posted([("bt_signature", other), payload]))
    assert refused(posted([("bt_signature", f"another_public_key|{signature}"), payload]))
    assert refused(posted([("bt_signature", "&".join([good["bt_signature"]] * 17)), payload]))
    assert refused(posted([("bt_signature", good["bt_signature"] + "&x|" + "0" * 5000), payload]))


def test_a_field_that_is_missing_or_there_twice_is_refused() -> None:
    good = list(fields(signed("braintree")).items())
    for pairs in ([], good[:1], good[1:], [*good, good[0]], [good[1], *good]):
        assert refused(posted(pairs))
    assert refused(replace(signed("braintree"), headers=Headers([("content-type", "application/json")])))
    assert refused(replace(signed("braintree"), body=b"\xff=\xff"))


def test_xml_reaches_the_handler_as_json() -> None:
    event = only(signed("braintree"))
    assert event.json
    assert b'"order-id": "k3x9v2m7q1w8e5r4t6y0"' in event.data
    assert b'"refund-ids": []' in event.data
    assert event.id_covered
    assert event.type_covered
    # The signature is of no use to a handler.
    signature = fields(signed("braintree"))["bt_signature"].partition("|")[2]
    assert signature.encode() not in event.data


@given(payload=st.text(max_size=60) | st.binary(max_size=60).map(lambda b: base64.b64encode(b).decode()))
def test_a_payload_that_can_t_be_read_is_malformed(payload: str) -> None:
    try:
        found = PROVIDER.read(posted([("bt_payload", payload)]))
    except Malformed:
        return
    assert isinstance(found, tuple)


@pytest.mark.parametrize("secret", ["only-one-part-of-it", "|the-private-key-alone", "the-public-key-alone|"])
def test_both_keys_are_needed_as_one_secret(secret: str) -> None:
    with pytest.raises(ValueError, match=r'the public key, "\|" and the private key') as caught:
        PROVIDER.key(Secret(secret))
    assert secret not in str(caught.value)


def asked(challenge: str, method: str = "GET") -> Delivery:
    return Delivery(method, f"https://h.example/s/x?bt_challenge={challenge}", Headers(), b"", NOW)


@pytest.mark.parametrize("challenge", ["", "0" * 19, "0" * 33, "0" * 300, "g" * 20, "A" * 20, "%00" * 20])
def test_a_question_that_is_none_is_not_signed(challenge: str) -> None:
    with pytest.raises(Malformed):
        PROVIDER.greet(asked(challenge), keys("braintree"))


def test_the_question_comes_by_get_and_needs_a_secret() -> None:
    challenge = "20f9f8ed05f77439fe955c977e4c8a53"
    assert PROVIDER.methods == {"GET", "POST"}
    assert PROVIDER.greet(asked(challenge), keys("braintree"))
    assert PROVIDER.greet(asked(challenge, "POST"), keys("braintree")) is None
    with pytest.raises(Unverified):
        PROVIDER.greet(asked(challenge), [])


@given(challenge=st.text("0123456789abcdef", min_size=20, max_size=32))
def test_the_answer_to_a_question_is_no_signature_of_an_event(challenge: str) -> None:
    greeted = PROVIDER.greet(asked(challenge), [key("braintree")])
    assert greeted
    delivery = posted([("bt_signature", greeted.answer.body.decode()), ("bt_payload", challenge)])
    # It is signed, to be sure, and says nothing.
    assert not refused(delivery)
    with pytest.raises(Malformed):
        PROVIDER.read(delivery)


def test_a_sample_has_no_signature_of_its_own() -> None:
    assert list(fields(sample("braintree").delivery)) == ["bt_payload"]
