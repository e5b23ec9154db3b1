"""
Flutterwave's webhooks of API v4, https://developer.flutterwave.com/docs/webhooks

Its own advice is to ask for the transaction before value is given.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the secret hash of the webhook is needed, not an API key")

FLUTTERWAVE_V4 = Provider(
    name="flutterwave-v4",
    title="Flutterwave v4",
    documentation="https://developer.flutterwave.com/docs/webhooks",
    scheme=HeaderScheme(
        header="flutterwave-signature", algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),)
    ),
    reader=FieldReader(
        # charge.completed.succeeded
        type=at("type+data.status?"),
        # webhook_id may be the subscription's: an object comes to each of its states once.
        id=at("type+data.id+data.status?"),
        reason=at("data.processor_response.type|data.status"),
        references=(at("data.reference"), at("data.meta.reference")),
        objects=(at("data.id"),),
    ),
    covers="body",
    url="account",
    succeed_on=("charge.completed.succeeded", "transfer.completed.succeeded"),
    # A customer can pay the same order with another charge.
    fail_on_optional=("charge.completed.failed", "transfer.completed.failed"),
    responses=EXACTLY_200,
    deadline=timedelta(seconds=60),
    # Three more times, half an hour apart, where that is switched on.
    retries_for=timedelta(hours=2),
    reference_field="data.reference",
    experimental="its documentation has been read both as an HMAC in base64 and as the secret itself",
    unconfirmed=(
        "flutterwave-signature is HMAC-SHA256 of the body in base64",
        "how a status is spelled: succeeded and failed here",
        "60 s for an answer, three repeats 30 minutes apart",
        "an object has each of its states once",
    ),
)
