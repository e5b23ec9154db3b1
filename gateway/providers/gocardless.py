"""GoCardless, https://developer.gocardless.com/api-reference/#webhooks-overview"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme

GOCARDLESS = Provider(
    name="gocardless",
    title="GoCardless",
    documentation="https://developer.gocardless.com/api-reference/#webhooks-overview",
    secrets_from="the webhook endpoint's secret, in the dashboard under Developers, at the endpoint",
    quirks=(
        "a delivery often holds many events, each for another callback",
        "a bank can take back what was confirmed or paid out: payments.failed or charged_back follows then",
    ),
    scheme=HeaderScheme(header="webhook-signature", algorithms=(("", Hmac()),)),
    reader=FieldReader(
        items="events",
        type=at("resource_type+action"),
        id=at("id"),
        time=at("created_at"),
        reason=at("details.description"),
        references=(at("resource_metadata.reference"), at("metadata.reference")),
        objects=tuple(
            at(f"links.{name}")
            for name in ("payment", "billing_request", "mandate", "subscription", "refund", "payout")
        ),
    ),
    covers="body",
    url="account",
    succeed_on=(
        "payments.confirmed",
        "payments.paid_out",
        "billing_requests.fulfilled",
        "mandates.active",
        "payouts.paid",
    ),
    fail_on=(
        "payments.cancelled",
        "payments.customer_approval_denied",
        "billing_requests.cancelled",
        "mandates.failed",
    ),
    # A failed payment can be retried, a cancelled mandate reinstated.
    fail_on_optional=("payments.failed", "mandates.cancelled", "mandates.expired"),
    responses=Responses(
        accepted=Answer(204),
        # "498 Token Invalid" is what its documentation asks for.
        unverified=Answer(498),
    ),
    deadline=timedelta(seconds=10),
    reference_field="resource_metadata.reference",
    reference_max=500,
    unconfirmed=(
        "resource_metadata comes with each event",
        "a metadata value holds 500 characters",
        "over how long the eight retries are spread",
    ),
)
