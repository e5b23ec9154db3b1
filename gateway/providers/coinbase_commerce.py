"""Coinbase Commerce, https://docs.cdp.coinbase.com/commerce/docs/webhooks"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the webhook's shared secret is needed, not an API key")

COINBASE_COMMERCE = Provider(
    name="coinbase-commerce",
    title="Coinbase Commerce",
    documentation="https://docs.cdp.coinbase.com/commerce/docs/webhooks-security",
    scheme=HeaderScheme(header="x-cc-webhook-signature", algorithms=(("", Hmac(key_form=_KEY)),)),
    reader=FieldReader(
        type=at("event.type"),
        id=at("event.id"),
        time=at("event.created_at"),
        references=(at("event.data.metadata.reference"),),
        objects=(at("event.data.code"), at("event.data.id")),
    ),
    covers="body",
    url="account",
    succeed_on=("charge:confirmed", "charge:resolved"),
    # A charge that was paid too little or too late is resolved by the merchant.
    fail_on_optional=("charge:failed",),
    responses=EXACTLY_200,
    # Ever longer apart, an hour at most.
    retries_for=timedelta(days=3),
    reference_field="event.data.metadata.reference",
    unconfirmed=("how long an answer may take",),
)
