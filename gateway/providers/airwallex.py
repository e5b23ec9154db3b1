"""Airwallex, https://www.airwallex.com/docs/developer-tools/webhooks/webhooks-overview"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the secret of the webhook's endpoint is needed, not an API key")
_STAMP = Header("x-timestamp")
_REPEATED = timedelta(days=3)

AIRWALLEX = Provider(
    name="airwallex",
    title="Airwallex",
    documentation="https://www.airwallex.com/docs/developer-tools/webhooks/webhooks-overview",
    scheme=HeaderScheme(
        header="x-signature",
        algorithms=(("", Hmac(key_form=_KEY)),),
        # With nothing between them: digits, and then a body that has to be JSON.
        templates=(Template.of(_STAMP, Body()),),
        # A repeat may bear the time of the first.
        timestamp=Timestamp(source=_STAMP, unit="ms", past=int(_REPEATED.total_seconds())),
    ),
    reader=FieldReader(
        type=at("name"),
        id=at("id"),
        time=at("created_at"),
        reason=at("data.object.cancellation_reason|data.object.failure_code|data.object.failure_reason"),
        references=(at("data.object.merchant_order_id"), at("data.object.metadata.reference")),
        objects=(at("data.object.id"), at("data.object.payment_intent_id")),
    ),
    covers="body",
    url="account",
    succeed_on=("payment_intent.succeeded", "payout.transfer.paid"),
    fail_on=("payment_intent.cancelled", "payout.transfer.cancelled"),
    # A customer tries another card under the same intent, a payout can be sent again.
    fail_on_optional=("payment_attempt.failed_to_process", "payout.transfer.failed"),
    responses=EXACTLY_200,
    # Ever longer apart.
    retries_for=_REPEATED,
    reference_field="data.object.merchant_order_id",
    unconfirmed=(
        "an event's object stands in data.object",
        "whether a repeat is signed anew",
        "how long an answer may take",
        "where the reason of a failure stands",
    ),
)
