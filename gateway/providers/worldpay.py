"""
Worldpay's Access events, https://developer.worldpay.com/products/access/events

Signing has to be switched on. An event that is not acknowledged holds back those behind it.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import EXACTLY_200, Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Keyed
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the webhook's signing key is needed")

WORLDPAY = Provider(
    name="worldpay",
    title="Worldpay (Access)",
    documentation="https://developer.worldpay.com/products/access/events",
    quirks=("one event that is not acknowledged holds back all behind it",),
    scheme=HeaderScheme(
        header="event-signature",
        # With the ids of two keys while they are changed.
        grammar=Keyed(between=",", within="/SHA256/"),
        algorithms=(("", Hmac(key_form=_KEY)),),
    ),
    reader=FieldReader(
        type=at("eventDetails.type"),
        id=at("eventId"),
        time=at("eventTimestamp"),
        references=(at("eventDetails.transactionReference"),),
    ),
    covers="body",
    url="account",
    # sentForSettlement follows, hours later.
    succeed_on=("authorized",),
    # What is refused can be tried again, and a merchant may cancel what was authorized.
    fail_on_optional=("refused", "error", "cancelled", "expired"),
    responses=Responses(pending=EXACTLY_200.pending, unverified=Answer(400)),
    deadline=timedelta(seconds=10),
    retries_for=timedelta(days=7),
    reference_field="eventDetails.transactionReference",
    reference_max=64,
    unconfirmed=(
        "transactionReference holds 64 characters",
        "a repeated event comes after 15 minutes: 30 seconds on an older page",
    ),
)
