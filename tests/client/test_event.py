"""Reading the envelope: every digit, every kind of data, and one kind of error."""

from __future__ import annotations

import base64
import json
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from gateway.client.event import decode

ENVELOPE = {
    "specversion": "1.0",
    "id": "evt_1",
    "source": "/sources/acmepay",
    "type": "payment.succeeded",
    "time": "2026-11-22T20:36:40Z",
    "subject": "cb_1",
    "datacontenttype": "application/json",
    "provider": "standard-webhooks",
    "outcome": "succeeded",
}


def envelope(data: str, **more: Any) -> bytes:
    """An envelope with JSON text as its data, spliced in as the gateway does."""
    return json.dumps(ENVELOPE | more)[:-1].encode() + f',"data":{data}}}'.encode()


class Kind(StrEnum):
    CARD = "card"


class Amount(BaseModel):
    amount: Decimal


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    on: date
    kind: Kind


def test_the_attributes_are_the_envelopes() -> None:
    assert decode(envelope("1"), int).verified == "signature"
    assert decode(envelope("1", verified="notification"), int).verified == "notification"
    event = decode(envelope("1", reason="why", sequence=3, type_verified=False, promise="ours"), int)
    assert (event.id, event.type, event.subject, event.provider) == (
        "evt_1",
        "payment.succeeded",
        "cb_1",
        "standard-webhooks",
    )
    assert (event.data, event.reason, event.sequence, event.type_verified) == (1, "why", 3, False)


@pytest.mark.parametrize(
    "text", ["0.123456789012345678901234567890", "1.10", "-1e-400", "1E400", "12345678901234567890"]
)
def test_a_decimal_keeps_every_digit_that_was_sent(text: str) -> None:
    assert decode(envelope(f'{{"amount":{text}}}'), Amount).data.amount == Decimal(text)
    assert str(decode(envelope('{"amount":1.10}'), Amount).data.amount) == "1.10"


def test_data_without_a_model_is_plain_json() -> None:
    event = decode(envelope('{"a":[1.5,"x",null,12345678901234567890123]}'), None)
    assert event.data == {"a": [1.5, "x", None, 12345678901234567890123]}
    assert json.loads(json.dumps(event.data)) == event.data


def test_a_strict_model_takes_what_json_writes_as_text() -> None:
    assert decode(envelope('{"on":"2026-11-22","kind":"card"}'), Strict).data.kind is Kind.CARD


@given(st.binary())
def test_what_is_not_json_is_bytes(body: bytes) -> None:
    text = json.dumps({**ENVELOPE, "data_base64": base64.b64encode(body).decode()}).encode()
    assert decode(text, None).data == body
    assert decode(text, bytes).data == body


def test_bytes_do_not_fit_a_model() -> None:
    text = json.dumps({**ENVELOPE, "data_base64": "AAAA"}).encode()
    with pytest.raises(ValueError, match="data"):
        decode(text, Amount)


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(ENVELOPE)), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_anything_else_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(body, None)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"1" * 5_000, b'{"data_base64": "*"}', b'{"data_base64": 1}']
)
def test_a_hostile_envelope_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="not an event in JSON"):
        decode(body, None)


def test_an_error_names_the_field_and_quotes_no_value() -> None:
    with pytest.raises(ValueError, match=r"data\.amount") as error:
        decode(envelope('{"amount":"4111111111111111x"}'), Amount)
    assert "4111" not in str(error.value)
    assert error.value.__cause__ is None
