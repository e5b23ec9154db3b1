"""
dLocal's notifications of payments, https://docs.dlocal.com/docs/receive-notifications

The signature stands in `Authorization`: a proxy in front has to leave that header alone.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the secret key of the API credentials is needed, not X-Login or X-Trans-Key")
_DATE = Header("x-date")
# Hourly for six hours, then every twelve for four days; other products hourly for seven.
_REPEATED = timedelta(days=7)

DLOCAL = Provider(
    name="dlocal",
    title="dLocal",
    documentation="https://docs.dlocal.com/docs/receive-notifications",
    scheme=HeaderScheme(
        header="authorization",
        grammar=Whole("V2-HMAC-SHA256, Signature: "),
        algorithms=(("", Hmac(key_form=_KEY)),),
        # With nothing between them: a date has one form, and what follows has to be JSON.
        templates=(Template.of(Header("x-login"), _DATE, Body()),),
        # A repeat may bear the date of the first.
        timestamp=Timestamp(source=_DATE, unit="RFC 3339", past=int(_REPEATED.total_seconds())),
    ),
    reader=FieldReader(
        type=at("status"),
        # A payment comes to each status once.
        id=at("id+status"),
        reason=at("status_detail"),
        references=(at("order_id"),),
        objects=(at("id"),),
    ),
    covers="body",
    url="request",
    succeed_on=("PAID",),
    # Each attempt is a payment of its own, with a URL of its own.
    fail_on=("REJECTED", "CANCELLED", "EXPIRED"),
    retries_for=_REPEATED,
    reference_field="order_id",
    unconfirmed=("whether a repeat is signed anew", "how long an answer may take"),
)
