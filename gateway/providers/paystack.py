"""
Paystack, https://paystack.com/docs/payments/webhooks/

The signing key is the API's secret key itself: whoever holds it can also move money.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="Paystack signs with the API's secret key (sk_…)")

PAYSTACK = Provider(
    name="paystack",
    title="Paystack",
    documentation="https://paystack.com/docs/payments/webhooks/",
    secrets_from="in the dashboard's settings under API Keys & Webhooks; test and live have different ones",
    quirks=(
        "whoever holds this secret holds the API key",
        "a payment that the browser starts has a reference of its choice: look at the amount",
    ),
    scheme=HeaderScheme(
        header="x-paystack-signature", algorithms=(("", Hmac(hash="sha512", key_form=_KEY)),)
    ),
    reader=FieldReader(
        type=at("event"),
        # There is no id of the event; one object has each event once.
        id=at("event+data.id"),
        time=at("data.paid_at|data.updated_at"),
        reason=at("data.gateway_response|data.message"),
        references=(at("data.reference"), at("data.metadata.reference")),
        objects=(at("data.transfer_code"), at("data.id")),
    ),
    covers="body",
    url="account",
    # A charge that fails is not reported for most channels: the wait needs a timeout.
    succeed_on=("charge.success", "transfer.success", "refund.processed"),
    fail_on=("transfer.reversed", "refund.failed"),
    # A failed transfer can be sent again under its reference.
    fail_on_optional=("transfer.failed",),
    responses=EXACTLY_200,
    retries_for=timedelta(hours=72),
    reference_field="data.reference",
    unconfirmed=(
        "retries: every 3 minutes four times, then hourly for 72 h",
        "most channels report no failed charge",
        "an object has each of its events once",
    ),
)
