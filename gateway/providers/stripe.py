"""Stripe, https://docs.stripe.com/webhooks"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Template
from gateway.providers.signatures.timestamp import Timestamp

#: The secret is used as the text it is, prefix and all: not base64 as in Standard Webhooks.
_KEY = KeyForm(
    prefix="whsec_",
    prefix_needed=True,
    hint="the endpoint's signing secret is needed, not an API key (sk_…)",
)

STRIPE = Provider(
    name="stripe",
    title="Stripe",
    documentation="https://docs.stripe.com/webhooks",
    secrets_from=(
        "in the dashboard under Workbench, Webhooks, at the endpoint; each endpoint has one "
        "of its own, and `stripe listen` too"
    ),
    quirks=(
        "a session that is completed and not paid yet is a type of its own here, "
        "checkout.session.completed.unpaid",
        "a payout that was paid can still fail within days: payout.failed then contradicts it",
        "whoever opens a payment link can write its client_reference_id: look at the amount",
        "a live endpoint for connected accounts gets their test events too: those have livemode false",
    ),
    scheme=HeaderScheme(
        header="stripe-signature",
        grammar=Listed(between=",", within="="),
        # v0 stands beside it in test mode and is no signature to rely on.
        algorithms=(("v1", Hmac(key_form=_KEY)),),
        templates=(Template.of(Field("t"), ".", Body()),),
        timestamp=Timestamp(source=Field("t")),
    ),
    reader=FieldReader(
        # A session is completed before a slow payment method has paid: that is a type of its own here,
        # checkout.session.completed.unpaid, and async_payment_succeeded or _failed follows.
        type=at("type=checkout.session.completed+data.object.payment_status=unpaid|type"),
        id=at("id"),
        reason=at(
            "data.object.last_payment_error.message|data.object.cancellation_reason|data.object.failure_message"
            "|data.object.last_error.reason"
        ),
        references=(at("data.object.metadata.reference"), at("data.object.client_reference_id")),
        objects=(at("data.object.id"), at("data.object.payment_intent"), at("related_object.id")),
    ),
    covers="body",
    url="account",
    succeed_on=(
        "payment_intent.succeeded",
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "payout.paid",
        "identity.verification_session.verified",
    ),
    # payment_intent.payment_failed can be followed by a success with another card.
    fail_on=(
        "payment_intent.canceled",
        "checkout.session.expired",
        "checkout.session.async_payment_failed",
        # What is paid out again is another payout.
        "payout.failed",
        "payout.canceled",
        "identity.verification_session.canceled",
    ),
    fail_on_optional=(
        "payment_intent.payment_failed",
        "identity.verification_session.requires_input",
    ),
    retries_for=timedelta(days=3),
    reference_field="data.object.metadata.reference",
    # A metadata value.
    reference_max=500,
    unconfirmed=(
        "the time limit of an answer: Stripe's page gives none, third parties say 10 to 30 s",
        "client_reference_id holds 200 characters",
        "metadata stays on the object that it was set on, and is not copied to related ones",
    ),
)
