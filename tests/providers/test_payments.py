"""What payment providers say that is easily taken for something else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.delivery import Challenge, Delivery, Event
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.rules import Rules, Verdict
from gateway.secret import Secret
from tests.providers.samples import NOW, SECRETS, keys, sample, signed


def refused(name: str, delivery: Delivery) -> bool:
    try:
        CATALOGUE[name].verify(delivery, keys(name), NOW)
    except Unverified:
        return True
    return False


def with_values(name: str, *path: str, **values: Any) -> Delivery:
    """A provider's sample with values changed in the object at a path."""
    delivery = sample(name).delivery
    body = json.loads(delivery.body)
    place = body
    for step in path:
        place = place[step]
    place.update(values)
    return replace(delivery, body=json.dumps(body).encode())


def only(name: str, delivery: Delivery) -> Event:
    found = CATALOGUE[name].read(delivery)
    assert not isinstance(found, Challenge)
    (event,) = found
    return event


def verdict(name: str, delivery: Delivery) -> Verdict:
    provider = CATALOGUE[name]
    return Rules(provider.succeed_on, provider.fail_on).judge(only(name, delivery).type)


def test_an_order_that_is_not_paid_yet_is_no_success() -> None:
    for status, expected in (
        ("paid", Verdict.SUCCEEDED),
        ("pending", Verdict.PROGRESS),
        ("failed", Verdict.PROGRESS),
    ):
        delivery = with_values("lemon-squeezy", "data", "attributes", status=status)
        assert verdict("lemon-squeezy", delivery) is expected


def test_a_payment_that_is_held_for_review_is_no_success() -> None:
    for code, expected in ((1, Verdict.SUCCEEDED), (4, Verdict.PROGRESS)):
        delivery = with_values("authorize-net", "payload", responseCode=code)
        assert verdict("authorize-net", delivery) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETED", Verdict.SUCCEEDED),
        ("CANCELED", Verdict.FAILED),
        ("PENDING", Verdict.PROGRESS),
        ("WAITING_FOR_CONFIRMATION", Verdict.PROGRESS),
    ],
)
def test_an_order_of_payu_ends_when_it_is_completed_or_canceled(status: str, expected: Verdict) -> None:
    assert verdict("payu", with_values("payu", "order", status=status)) is expected


def test_a_refund_of_payu_is_not_taken_for_an_order() -> None:
    delivery = sample("payu").delivery
    body = b'{"orderId":"L1","extOrderId":"k3x9","refund":{"refundId":"R1","status":"FINALIZED"}}'
    event = only("payu", replace(delivery, body=body))
    assert (event.type, event.id, event.references) == ("refund.FINALIZED", "R1.FINALIZED", ("k3x9",))
    assert verdict("payu", replace(delivery, body=body)) is Verdict.PROGRESS


def test_payu_hashes_the_body_and_then_the_key_with_md5() -> None:
    good = signed("payu")
    expected = hashlib.md5(good.body + SECRETS["payu"][0].encode()).hexdigest()
    text = good.headers.one("openpayu-signature")
    assert text == f"sender=checkout;content=DOCUMENT;signature={expected};algorithm=MD5"
    as_sent = f"sender=checkout;signature={expected};algorithm=MD5;content=DOCUMENT"
    assert not refused("payu", replace(good, headers=good.headers.with_(openpayu_signature=as_sent)))


@pytest.mark.parametrize("algorithm", ["SHA-256", "SHA256", "md5", "", "none"])
def test_payu_s_other_algorithms_are_refused(algorithm: str) -> None:
    good = signed("payu")
    text = (good.headers.one("openpayu-signature") or "").replace("MD5", algorithm)
    assert refused("payu", replace(good, headers=good.headers.with_(openpayu_signature=text)))


def test_worldpay_signs_with_two_keys_while_they_are_changed() -> None:
    good = signed("worldpay")
    text = good.headers.one("event-signature") or ""
    assert text.startswith("1/SHA256/")
    for header in (f"{text},2/SHA256/{'0' * 64}", f"key-a/SHA256/{'0' * 64},{text}"):
        assert not refused("worldpay", replace(good, headers=good.headers.with_(event_signature=header)))
    for header in (
        *(text.replace("SHA256", "SHA1"), text.removeprefix("1"), text.removeprefix("1/SHA256/")),
        *(f"{text},", f"{text};{text}", ",".join([f"1/SHA256/{'0' * 64}"] * 16 + [text])),
    ):
        assert refused("worldpay", replace(good, headers=good.headers.with_(event_signature=header)))


def test_text_moved_between_dlocal_s_login_date_and_body_is_refused() -> None:
    good = signed("dlocal")
    login, date = good.headers.one("x-login"), good.headers.one("x-date")
    assert login
    assert date
    for changed in (
        replace(good, headers=good.headers.with_(x_login=login[:-1], x_date=login[-1] + date)),
        replace(good, headers=good.headers.with_(x_login=login + date[0], x_date=date[1:])),
        replace(good, headers=good.headers.with_(x_date=date[:-1]), body=b"Z" + good.body),
        replace(good, headers=good.headers.with_(x_date=date + "{"), body=good.body[1:]),
    ):
        # The signed bytes are the same, so it is the form that does not fit.
        with pytest.raises(Unverified, match="not a date and time"):
            CATALOGUE["dlocal"].verify(changed, keys("dlocal"), NOW)


def test_digits_moved_from_airwallex_s_time_into_the_body_are_refused() -> None:
    good = signed("airwallex")
    stamp = good.headers.one("x-timestamp")
    assert stamp
    changed = replace(
        good, headers=good.headers.with_(x_timestamp=stamp[:-1]), body=stamp[-1].encode() + good.body
    )
    with pytest.raises(Unverified, match="too old"):
        CATALOGUE["airwallex"].verify(changed, keys("airwallex"), NOW)


def test_revolut_s_two_products_are_told_apart() -> None:
    merchant, business = only("revolut", signed("revolut")), only("revolut", signed("revolut", "failure"))
    assert merchant.type == "ORDER_COMPLETED"
    assert business.type == "TransactionStateChanged.failed"


def test_a_checkout_s_type_says_its_state_and_others_do_not() -> None:
    assert only("polar", with_values("polar", type="checkout.updated")).type == "checkout.updated.paid"
    assert only("polar", with_values("polar", type="order.refunded")).type == "order.refunded"


@pytest.mark.parametrize(
    ("name", "secret", "says"),
    [
        ("paddle", "pdl_live_apikey_01hbpjmytsa32fhr36nqgc3kgb", "not an API key"),
        ("revolut", "sk_1PrDkbECjgdsBmMfEUQyCnioCP", "wsk_"),
        ("adyen-platform", "not in hex, this one here", "64 digits in hex"),
        ("lithic", "polar_whs_8rJ5VtQ2nXk9LmW4!", "whsec_ and base64"),
    ],
)
def test_a_secret_of_the_wrong_kind_is_explained(name: str, secret: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        CATALOGUE[name].key(Secret(secret))
    assert secret not in str(caught.value)


def test_what_is_experimental_says_why() -> None:
    found = {name for name, provider in CATALOGUE.items() if provider.experimental}
    assert {"flutterwave-v4", "klarna", "authorize-net", "mollie-next"} <= found
