"""
Midtrans's payment notifications, https://docs.midtrans.com/docs/https-notification-webhooks

order_id, status_code and gross_amount are hashed with the server key, and nothing else: not the
transaction_status, which has to be asked for before value is given. With nothing between the three, text
can be moved to the end of an order_id: that of a reference of ours would be too long to be one. Payouts
(Iris) sign differently.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm, TextThenKey
from gateway.providers.signatures.items import ItemScheme

_KEY = KeyForm(hint="the server key is needed (Mid-server-… or SB-Mid-server-…), not the client key")

MIDTRANS = Provider(
    name="midtrans",
    title="Midtrans",
    documentation="https://docs.midtrans.com/docs/https-notification-webhooks",
    quirks=(
        "pending may come after settlement",
        "the transaction's status is not signed: ask Midtrans what it is",
    ),
    scheme=ItemScheme(
        signature=("signature_key",),
        fields=(("order_id",), ("status_code",), ("gross_amount",)),
        free=("order_id",),
        forms={("status_code",): r"[1-5]\d\d", ("gross_amount",): r"(0|[1-9]\d{0,14})\.\d\d"},
        algorithm=TextThenKey(hash="sha512", key_form=_KEY),
    ),
    reader=FieldReader(
        # 200.settlement, 200.capture.accept: the code is hashed, the status is not.
        type=at("status_code+transaction_status+fraud_status?"),
        id=at("transaction_id+transaction_status+status_code"),
        reason=at("channel_response_message|transaction_status"),
        references=(at("order_id"),),
        # Its other ids are not hashed; this one is the merchant's own.
        objects=(at("order_id"),),
        covered=("order_id", "status_code", "gross_amount"),
    ),
    covers="fields",
    verified="notification",
    url="both",
    # Cards are captured, everything else settles; `pending` may come after either.
    succeed_on=("200.settlement*", "200.capture.accept"),
    fail_on=("407.expire*",),
    # Another attempt may follow under the same order_id.
    fail_on_optional=("202.deny*", "202.failure*", "200.cancel*"),
    deadline=timedelta(seconds=15),
    # Five times, after 2, 10, 30, 90 and 210 minutes; 500 only once, 503 four times.
    retries_for=timedelta(hours=6),
    reference_field="order_id",
    reference_max=50,
    unconfirmed=(
        "order_id holds 50 characters",
        "the status codes of what fails: 202 denied, 407 expired",
    ),
)
