"""
EasyPost, https://docs.easypost.com/docs/webhooks

The secret is brought into Unicode's form NFKD before it is used.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

EASYPOST = Provider(
    name="easypost",
    title="EasyPost",
    documentation="https://docs.easypost.com/docs/webhooks",
    scheme=HeaderScheme(
        header="x-hmac-signature",
        grammar=Whole("hmac-sha256-hex="),
        algorithms=(("", Hmac(key_form=KeyForm(normalize="NFKD", hint="the webhook_secret is needed"))),),
    ),
    reader=FieldReader(
        # tracker.updated.delivered, batch.created
        type=at("description+result.status|description"),
        id=at("id"),
        time=at("created_at"),
        reason=at("result.status_detail|result.message"),
        references=(at("result.reference"),),
        objects=(at("result.id"), at("result.tracking_code"), at("result.shipment_id")),
    ),
    covers="body",
    url="account",
    succeed_on=("tracker.updated.delivered",),
    fail_on=("tracker.updated.return_to_sender",),
    # A carrier may try again.
    fail_on_optional=("tracker.updated.failure", "tracker.updated.cancelled", "tracker.updated.error"),
    deadline=timedelta(seconds=7),
    reference_field="result.reference",
    unconfirmed=(
        "that X-Timestamp and X-Path belong to another signature, which is not looked at",
        "the time limit of an answer, and for how long a delivery is repeated",
    ),
)
