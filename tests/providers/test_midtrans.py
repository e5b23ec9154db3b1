"""Midtrans: three values are hashed with the server key; the status is not one of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.delivery import Challenge, Delivery
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.rules import Rules, Verdict
from tests.providers.samples import NOW, SECRETS, keys, signed

PROVIDER = CATALOGUE["midtrans"]
SERVER_KEY = SECRETS["midtrans"][0]


def changed(**values: Any) -> Delivery:
    """The genuine delivery with values changed behind the signature."""
    good = signed("midtrans")
    return replace(good, body=json.dumps({**json.loads(good.body), **values}).encode())


def hashed(order_id: str, status_code: str, gross_amount: str) -> str:
    return hashlib.sha512(f"{order_id}{status_code}{gross_amount}{SERVER_KEY}".encode()).hexdigest()


def refused(delivery: Delivery) -> bool:
    try:
        PROVIDER.verify(delivery, keys("midtrans"), NOW)
    except Unverified:
        return True
    return False


def test_the_formula_is_the_documented_one() -> None:
    signature = json.loads(signed("midtrans").body)["signature_key"]
    assert signature == hashed("k3x9v2m7q1w8e5r4t6y0", "200", "42000.00")


@pytest.mark.parametrize("name", ["order_id", "status_code", "gross_amount"])
def test_none_of_the_three_can_be_changed_or_left_out(name: str) -> None:
    for value in ("201", "1.00", "other", None, 404, ["200"]):
        assert refused(changed(**{name: value})), value


@pytest.mark.parametrize(
    ("order_id", "status_code", "gross_amount"),
    [
        # The same text as A1, 200, 42000.00
        ("A", "120", "042000.00"),
        ("A12", "004", "2000.00"),
        ("A1", "20", "042000.00"),
        ("A1", "2004", "2000.00"),
        ("A12004", "2", "000.00"),
    ],
)
def test_digits_cannot_be_moved_from_one_value_to_the_next(
    order_id: str, status_code: str, gross_amount: str
) -> None:
    signature_key = hashed("A1", "200", "42000.00")
    assert signature_key == hashed(order_id, status_code, gross_amount)
    original = {"order_id": "A1", "status_code": "200", "gross_amount": "42000.00"}
    assert not refused(changed(**original, signature_key=signature_key))
    moved = {"order_id": order_id, "status_code": status_code, "gross_amount": gross_amount}
    assert refused(changed(**moved, signature_key=signature_key))


def test_a_status_that_its_code_does_not_bear_out_ends_nothing() -> None:
    rules = Rules(PROVIDER.succeed_on, PROVIDER.fail_on)
    verdicts = {}
    for code, status, fraud in (
        ("201", "settlement", None),
        ("202", "capture", "accept"),
        ("200", "capture", "challenge"),
        ("201", "pending", None),
        ("201", "expire", None),
        ("200", "capture", "accept"),
        ("200", "settlement", "accept"),
        ("200", "settlement", None),
        ("407", "expire", None),
    ):
        delivery = changed(status_code=code, transaction_status=status, fraud_status=fraud)
        found = PROVIDER.read(delivery)
        assert not isinstance(found, Challenge)
        assert not found[0].type_covered
        verdicts[code, status, fraud] = rules.judge(found[0].type)
    final = {kind: verdict for kind, verdict in verdicts.items() if verdict is not Verdict.PROGRESS}
    assert final == {
        ("200", "capture", "accept"): Verdict.SUCCEEDED,
        ("200", "settlement", "accept"): Verdict.SUCCEEDED,
        ("200", "settlement", None): Verdict.SUCCEEDED,
        ("407", "expire", None): Verdict.FAILED,
    }
    assert PROVIDER.verified == "notification"


def test_a_longer_order_id_is_no_reference_of_ours() -> None:
    # Where the amount holds a code, the text can still be cut behind it: into a longer order_id only.
    reference = "k3x9v2m7q1w8e5r4t6y0"
    signature_key = hashed(reference, "200", "200150.00")
    moved = changed(
        order_id=f"{reference}200", status_code="200", gross_amount="150.00", signature_key=signature_key
    )
    assert not refused(moved)
    found = PROVIDER.read(moved)
    assert not isinstance(found, Challenge)
    assert found[0].references == (f"{reference}200",)
