"""Revolut Merchant and Business, https://developer.revolut.com/docs/guides/merchant/monitor-and-observe/webhooks"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

#: Used as the text that it is, prefix and all.
_KEY = KeyForm(prefix="wsk_", prefix_needed=True, hint="the webhook's signing secret is needed, no API key")
_STAMP = Header("revolut-request-timestamp")

REVOLUT = Provider(
    name="revolut",
    title="Revolut",
    documentation="https://developer.revolut.com/docs/guides/merchant/monitor-and-observe/webhooks/"
    "verify-the-payload-signature",
    scheme=HeaderScheme(
        header="revolut-signature",
        grammar=Listed(between=",", within="="),
        algorithms=(("v1", Hmac(key_form=_KEY)),),
        templates=(Template.of("v1.", _STAMP, ".", Body()),),
        timestamp=Timestamp(source=_STAMP, unit="ms"),
    ),
    reader=FieldReader(
        # ORDER_COMPLETED (Merchant); TransactionStateChanged.completed (Business)
        type=at("event+data.new_state|event"),
        # There is no id: an object comes to each of its states once.
        id=at("event+order_id|event+data.id+data.new_state|event+payout_id"),
        time=at("timestamp"),
        reason=at("data.reason_code"),
        references=(at("merchant_order_ext_ref"), at("data.request_id")),
        objects=(at("order_id"), at("data.id"), at("payout_id")),
    ),
    covers="body",
    url="account",
    succeed_on=("ORDER_COMPLETED", "PAYOUT_COMPLETED", "TransactionStateChanged.completed"),
    fail_on=(
        "ORDER_CANCELLED",
        "TransactionStateChanged.declined",
        "TransactionStateChanged.failed",
        "TransactionStateChanged.reverted",
    ),
    # An order takes another attempt.
    fail_on_optional=("ORDER_PAYMENT_DECLINED", "ORDER_PAYMENT_FAILED", "PAYOUT_FAILED"),
    # Three more times, ten minutes apart.
    retries_for=timedelta(minutes=40),
    reference_field="merchant_order_ext_ref",
    unconfirmed=(
        "how a payout's event is written",
        "an order is declined or fails once under one id of the event",
        "how long an answer may take",
    ),
)
