"""Mercado Pago: the object's id in the URL, the request's and the time are signed, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest

from gateway.delivery import Challenge, Delivery, Headers
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from tests.providers.samples import NOW, SECRETS, URL, key, signed

PROVIDER = CATALOGUE["mercado-pago"]


def delivered(
    data_id: str, *, in_body: str | None = None, signed_id: str | None = None, ts: str = str(int(NOW))
) -> Delivery:
    """A notification signed as the provider's libraries do it."""
    manifest = f"id:{data_id if signed_id is None else signed_id};request-id:r-1;ts:{ts};"
    signature = hmac.new(SECRETS["mercado-pago"][0].encode(), manifest.encode(), hashlib.sha256).hexdigest()
    headers = Headers([("x-signature", f"ts={ts},v1={signature}"), ("x-request-id", "r-1")])
    inside = data_id if in_body is None else in_body
    body = b'{"action":"payment.updated","data":{"id":"%s"}}' % inside.encode()
    return Delivery("POST", f"{URL}&data.id={data_id}", headers, body, NOW)


def refused(delivery: Delivery) -> bool:
    try:
        PROVIDER.verify(delivery, [key("mercado-pago")], NOW)
    except Unverified:
        return True
    return False


def test_the_id_in_the_body_has_to_be_the_one_that_is_signed() -> None:
    assert not refused(delivered("123"))
    assert refused(delivered("123", in_body="124"))
    assert refused(delivered("124", signed_id="123"))
    assert refused(replace(delivered("123"), url=URL))
    assert refused(replace(delivered("123"), url=f"{URL}&data.id=123&data.id=123"))
    for body in (b"", b"{}", b'{"data":{"id":true}}', b'{"data":{"id":"123","id":"123"}}', b"null"):
        assert refused(replace(delivered("123"), body=body))


def test_an_id_may_be_a_number_in_the_body() -> None:
    assert not refused(replace(delivered("123"), body=b'{"action":"payment.updated","data":{"id":123}}'))


def test_letters_may_be_signed_as_they_come_or_in_lower_case() -> None:
    assert not refused(delivered("ORD01J"))
    assert not refused(delivered("ORD01J", signed_id="ord01j"))
    assert refused(delivered("ord01j", signed_id="ORD01J"))


@pytest.mark.parametrize(
    ("ts", "accepted"),
    [
        (str(int(NOW)), True),
        (str(int(NOW * 1000)), True),
        (str(int(NOW) - 4 * 86400), True),
        (str(int(NOW) - 4 * 86400 - 1), False),
        (str(int(NOW * 1000) + 300_000), True),
        (str(int(NOW * 1000) + 301_000), False),
        ("12", False),
        ("9" * 15, False),
        ("9" * 16, False),
    ],
)
def test_a_time_is_in_seconds_or_milliseconds(ts: str, accepted: bool) -> None:
    assert refused(delivered("123", ts=ts)) is not accepted


def test_text_cannot_be_moved_from_one_value_to_the_next() -> None:
    # The manifest "id:1;request-id:2;request-id:3;ts:…" could be cut in two ways.
    for data_id, request in (("1", "2;request-id:3"), ("1;request-id:2", "3")):
        manifest = f"id:{data_id};request-id:{request};ts:{int(NOW)};"
        secret = SECRETS["mercado-pago"][0].encode()
        signature = hmac.new(secret, manifest.encode(), hashlib.sha256).hexdigest()
        good = delivered(data_id)
        headers = good.headers.with_(x_request_id=request, x_signature=f"ts={int(NOW)},v1={signature}")
        with pytest.raises(Unverified, match="holds the separator"):
            PROVIDER.verify(replace(good, headers=headers), [key("mercado-pago")], NOW)


def test_what_is_not_signed_is_said_to_be_so() -> None:
    assert PROVIDER.verified == "notification"
    found = PROVIDER.read(signed("mercado-pago"))
    assert not isinstance(found, Challenge)
    assert (found[0].id_covered, found[0].type_covered) == (True, False)
    with pytest.raises(ValueError, match="not covered"):
        PROVIDER.with_reference("external_reference")


def test_the_secret_is_text() -> None:
    assert PROVIDER.key(Secret("b" * 64))
