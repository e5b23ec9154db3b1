"""
Adyen's webhooks of platforms, transfers, configuration and management.

https://docs.adyen.com/platforms/webhooks

Unlike the standard webhooks of payments, the whole body is signed, in a header.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(encoding="hex", hint="the HMAC key is shown once, as 64 digits in hex")

ADYEN_PLATFORM = Provider(
    name="adyen-platform",
    title="Adyen for Platforms",
    documentation="https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/",
    secrets_from=(
        "in the Customer Area under Developers, Webhooks, at the webhook's security settings:"
        " generate an HMAC key"
    ),
    scheme=HeaderScheme(header="hmacsignature", algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),)),
    reader=FieldReader(
        # balancePlatform.transfer.updated.booked
        type=at("type+data.status?"),
        id=at("type+data.id+data.status?+timestamp"),
        time=at("timestamp"),
        reason=at("data.reason"),
        references=(at("data.reference"),),
        objects=(at("data.id"), at("data.transferId")),
    ),
    covers="body",
    url="account",
    succeed_on=("balancePlatform.transfer.updated.booked",),
    fail_on=(
        "balancePlatform.transfer.updated.failed",
        "balancePlatform.transfer.updated.refused",
        "balancePlatform.transfer.updated.cancelled",
    ),
    # After it was booked.
    fail_on_optional=("balancePlatform.transfer.updated.returned",),
    retries_for=timedelta(days=30),
    reference_field="data.reference",
    reference_max=80,
    unconfirmed=(
        "how long a delivery is repeated: taken from the webhooks of payments",
        "that a repeat has the same timestamp",
        "a reference holds 80 characters",
    ),
)
