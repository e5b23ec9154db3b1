"""
Lithic, https://docs.lithic.com/docs/events-api

It has no field for a reference, so a callback is found by an alias: the token of a card or a payment.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks()

LITHIC = Provider(
    name="lithic",
    title="Lithic",
    documentation="https://docs.lithic.com/docs/events-api",
    scheme=_SCHEME,
    reader=FieldReader(
        type=at("event_type"),
        id=at("header:webhook-id"),
        time=at("created|created_at"),
        reason=at("result"),
        objects=(at("token"), at("card_token")),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    # A transaction is updated many times: which is the last is the caller's matter.
    succeed_on=(),
    deadline=timedelta(seconds=15),
    # Svix's schedule.
    retries_for=timedelta(hours=28),
    unconfirmed=("it repeats a delivery as Svix does",),
)
