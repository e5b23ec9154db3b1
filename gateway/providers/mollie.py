"""
Mollie's classic webhooks, https://docs.mollie.com/reference/webhooks

Nothing is signed: a delivery is the id of something that changed, in a form. Ask Mollie what became of it,
with `confirm` in the client: no event is final by itself.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.unsigned import Unsigned

MOLLIE = Provider(
    name="mollie",
    title="Mollie",
    documentation="https://docs.mollie.com/reference/webhooks",
    quirks=("the same payment calls again for refunds and chargebacks",),
    scheme=Unsigned(),
    reader=FieldReader(
        body="json or form",
        # payment.changed and the like would be a guess: the id is all there is.
        type=at("text:changed+has:id"),
        objects=(at("id"),),
        covered="nothing",
    ),
    covers="nothing",
    verified="notification",
    url="request",
    succeed_on=(),
    media_types=(FORM,),
    responses=EXACTLY_200,
    deadline=timedelta(seconds=15),
    retries_for=timedelta(hours=26),
    unconfirmed=(
        "how long Mollie waits for an answer and repeats",
        "ids that are not ours have to be answered 200 as well",
    ),
)
