"""
Wise, https://docs.wise.com/guides/developer/webhooks/event-handling.md

One public key per environment, on Wise's page: it is the source's secret. A URL must not have a query.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.asymmetric import Rsa
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = Rsa(hint="Wise's public key for webhooks is needed, PEM, of the same environment")

WISE = Provider(
    name="wise",
    title="Wise",
    documentation="https://docs.wise.com/guides/developer/webhooks/event-handling.md",
    secrets_from="Wise publishes it in its documentation, one for the sandbox and one for production",
    quirks=(
        "the URL may have no query, its port has to be 443, and its host a name",
        "a transfer that was sent can come back: bounced_back or funds_refunded follows then",
    ),
    scheme=HeaderScheme(header="x-signature-sha256", algorithms=(("", _KEY),)),
    reader=FieldReader(
        # transfers#state-change.outgoing_payment_sent
        type=at("event_type+data.current_state|event_type"),
        id=at("header:x-delivery-id"),
        time=at("data.occurred_at|sent_at"),
        reason=at("data.current_state"),
        # Nothing of ours travels along: a callback is found by the transfer's id, as an alias.
        objects=(at("data.resource.id"), at("data.transfer_reference")),
    ),
    covers="body",
    url="account",
    succeed_on=("transfers#state-change.outgoing_payment_sent",),
    fail_on=("transfers#state-change.cancelled", "transfers#state-change.funds_refunded"),
    # The recipient's bank sent it back; it can be sent again.
    fail_on_optional=("transfers#state-change.bounced_back",),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(days=14),
    unconfirmed=("a delivery that is repeated keeps X-Delivery-Id",),
)
