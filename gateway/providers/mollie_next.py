"""
Mollie's webhooks that are subscribed to, https://docs.mollie.com/reference/webhooks-new

Not the classic ones, whose URL comes with each payment: those are not signed.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the webhook's signing secret is needed, not an API key (live_…)")

MOLLIE_NEXT = Provider(
    name="mollie-next",
    title="Mollie (next-gen webhooks)",
    documentation="https://docs.mollie.com/reference/webhooks-new",
    scheme=HeaderScheme(
        header="x-mollie-signature",
        # For a day after a new secret was made, it comes once for each.
        repeats=True,
        grammar=Whole("sha256="),
        algorithms=(("", Hmac(key_form=_KEY)),),
    ),
    reader=FieldReader(
        type=at("type"),
        id=at("id"),
        time=at("createdAt"),
        reason=at("_embedded.entity.statusReason.message"),
        references=(at("_embedded.entity.metadata.reference"),),
        objects=(at("entityId"),),
    ),
    covers="body",
    url="account",
    succeed_on=("payment-link.paid", "sales-invoice.paid"),
    fail_on=("sales-invoice.canceled",),
    deadline=timedelta(seconds=15),
    retries_for=timedelta(hours=26),
    reference_field="_embedded.entity.metadata.reference",
    experimental="where the event's type, id and metadata stand was not confirmed",
    unconfirmed=(
        "the event's type is `type`, its id `id`, its object `entityId`",
        "an event brings its object with it, metadata included",
        "a canceled sales invoice is never paid",
        "15 s for an answer and ten attempts over 26 hours, as for classic webhooks",
    ),
)
