"""
Coinbase Developer Platform and Business, https://docs.cdp.coinbase.com/webhooks/overview

The header names which other headers are signed with the body (v1). The v0 beside it leaves them out, is what
a downgrade would be, and does not count. What is read here stands in the body.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Named, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the secret of the webhook subscription is needed, not an API key")
_USUAL = ("content-type", "x-event-id", "x-event-type", "x-delivery-id", "x-hook0-id")

COINBASE_CDP = Provider(
    name="coinbase-cdp",
    title="Coinbase Developer Platform",
    documentation="https://docs.cdp.coinbase.com/webhooks/verify-signatures",
    scheme=HeaderScheme(
        header="x-hook0-signature",
        grammar=Listed(between=",", within="="),
        algorithms=(("v1", Hmac(key_form=_KEY)),),
        templates=(Template.of(Field("t"), ".", Named("h", _USUAL), ".", Body()),),
        timestamp=Timestamp(source=Field("t")),
    ),
    reader=FieldReader(
        type=at("eventType"),
        id=at("eventId"),
        time=at("timestamp"),
        reason=at("data.failureReason|data.status"),
        references=(at("data.metadata.reference"), at("data.partnerUserRef")),
        objects=(at("data.transferId"), at("data.orderId")),
    ),
    covers="body",
    url="account",
    succeed_on=("payments.transfers.completed", "onramp.transaction.success"),
    fail_on=("payments.transfers.failed", "payments.transfers.expired", "onramp.transaction.failed"),
    # Up to 60 times, ever longer apart; how long that takes is not said.
    retries_for=timedelta(days=7),
    reference_field="data.metadata.reference",
    unconfirmed=(
        "the event's type and id are eventType and eventId in the body",
        "a transfer's metadata come back with its events",
        "how long an answer may take, and over how long 60 repeats are spread",
        "which headers are named as signed",
        "where the reason of a failure stands",
    ),
)
