"""The catalogue: every provider that the gateway knows, by name."""

from __future__ import annotations

from gateway.providers.adyen import ADYEN
from gateway.providers.base import Provider
from gateway.providers.checkout import CHECKOUT
from gateway.providers.github import GITHUB
from gateway.providers.gocardless import GOCARDLESS
from gateway.providers.paystack import PAYSTACK
from gateway.providers.razorpay import RAZORPAY
from gateway.providers.shopify import SHOPIFY
from gateway.providers.slack import SLACK
from gateway.providers.square import SQUARE
from gateway.providers.standard_webhooks import STANDARD_WEBHOOKS
from gateway.providers.stripe import STRIPE
from gateway.providers.twilio import TWILIO
from gateway.providers.unsigned import UNSIGNED

#: `hmac` is not in it: a source describes it in its own settings.
CATALOGUE: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        ADYEN,
        CHECKOUT,
        GITHUB,
        GOCARDLESS,
        PAYSTACK,
        RAZORPAY,
        SHOPIFY,
        SLACK,
        SQUARE,
        STANDARD_WEBHOOKS,
        STRIPE,
        TWILIO,
        UNSIGNED,
    )
}
