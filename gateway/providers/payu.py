"""
PayU's notifications of orders in Europe (GPO), https://developers.payu.com/europe/docs/webhooks/

The body and the second key are hashed with MD5: as safe as it is hard for anybody who places orders to
write two of them with one hash. A shop that is set to another algorithm is refused. PayU India and older
Romanian shops sign differently.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm, TextThenKey
from gateway.providers.signatures.grammar import Described
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the shop's second key (MD5) is needed, not the client secret")
_EMPTY = Answer(200, b"", "text/plain")

PAYU = Provider(
    name="payu",
    title="PayU (Europe)",
    documentation="https://developers.payu.com/europe/docs/webhooks/",
    scheme=HeaderScheme(
        header="openpayu-signature",
        grammar=Described(
            between=";",
            within="=",
            signature="signature",
            algorithm="algorithm",
            beside=(("sender", "checkout"), ("content", "DOCUMENT")),
        ),
        algorithms=(("MD5", TextThenKey(hash="md5", key_form=_KEY)),),
    ),
    reader=FieldReader(
        # Refunds and payouts come to the same URL: refund.FINALIZED
        type=at("order.status|text:refund+refund.status|text:payout+payout.status"),
        # An object comes to each of its states once.
        id=at("order.orderId+order.status|refund.refundId+refund.status|payout.payoutId+payout.status"),
        time=at("localReceiptDateTime"),
        reason=at("refund.reasonDescription"),
        references=(at("order.extOrderId"), at("extOrderId")),
        objects=(at("order.orderId"), at("orderId"), at("refund.refundId"), at("payout.payoutId")),
    ),
    covers="body",
    url="request",
    succeed_on=("COMPLETED",),
    fail_on=("CANCELED",),
    fail_on_optional=("refund.CANCELED",),
    responses=Responses(accepted=_EMPTY, pending=_EMPTY),
    # Twenty attempts, the last three days after the first.
    retries_for=timedelta(days=14),
    reference_field="order.extOrderId",
    unconfirmed=(
        "how a payout's notification is written",
        "how long the twenty attempts take: the last are up to 72 hours apart",
        "a canceled order takes no other payment",
    ),
)
