"""
Klarna's notifications of payment requests, https://docs.klarna.com/api/kn/

Not the push URLs of its older Payments and Checkout APIs: those are not signed.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the signing key that Klarna's API made is needed")

KLARNA = Provider(
    name="klarna",
    title="Klarna",
    documentation="https://docs.klarna.com/klarna-network-distribution/acquiring-partner-setup/webhooks",
    quirks=("the URL's port has to be 443 or 8443",),
    # Klarna-Signing-Key-Id names the key; of a source's few, the one that fits is found without it.
    scheme=HeaderScheme(
        header="klarna-signature", algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),)
    ),
    reader=FieldReader(
        type=at("metadata.event_type"),
        id=at("metadata.event_id"),
        time=at("metadata.occurred_at"),
        reason=at("payload.state_reason"),
        references=(at("payload.payment_request_reference"),),
        objects=(at("payload.payment_request_id"),),
    ),
    covers="body",
    url="account",
    succeed_on=("payment.request.state-change.authorized", "payment.request.state-change.completed"),
    fail_on=("payment.request.state-change.expired", "payment.request.state-change.canceled"),
    # Another attempt may be possible.
    fail_on_optional=("payment.request.state-change.declined",),
    responses=Responses(unverified=Answer(400)),
    retries_for=timedelta(hours=12),
    reference_field="payload.payment_request_reference",
    experimental="no page that could be read says whether the signature is spelled in base64 or in hex",
    unconfirmed=(
        "the signature is spelled in base64",
        "where the reference, the ids and the reason stand in the payload",
        "the names of the events: of a payment request's states",
        "whether a declined payment request takes another attempt",
    ),
)
