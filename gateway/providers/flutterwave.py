"""
Flutterwave's version 3, https://developer.flutterwave.com/v3.0/docs/webhooks

Nothing is signed: the dashboard's "secret hash" comes along. Flutterwave itself asks to query the transaction
before giving value.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader, TokenScheme

FLUTTERWAVE = Provider(
    name="flutterwave",
    title="Flutterwave v3",
    documentation="https://developer.flutterwave.com/v3.0/docs/webhooks",
    secrets_from="the secret hash: a text of your choice, in the dashboard's settings under Webhooks",
    quirks=("Flutterwave itself advises to ask for the transaction before value is given",),
    scheme=TokenScheme(place=InHeader("verif-hash")),
    reader=FieldReader(
        # charge.completed.successful, transfer.completed.FAILED
        type=at("event+data.status|event"),
        id=at("event+data.id+data.status"),
        time=at("data.created_at"),
        reason=at("data.complete_message|data.processor_response|data.status"),
        references=(at("data.tx_ref"), at("data.reference")),
        objects=(at("data.id"), at("data.flw_ref")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="account",
    succeed_on=("charge.completed.successful", "transfer.completed.SUCCESSFUL"),
    fail_on=("transfer.completed.FAILED",),
    # The customer tries again.
    fail_on_optional=("charge.completed.failed",),
    deadline=timedelta(seconds=60),
    # Three times, 30 minutes apart, where that is switched on.
    retries_for=timedelta(hours=2),
    reference_field="data.tx_ref",
    unconfirmed=("how long Flutterwave waits for an answer and repeats", "a failed transfer stays failed"),
)
