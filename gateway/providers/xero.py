"""
Xero, https://developer.xero.com/documentation/guides/webhooks/overview/

An event names what has changed and brings nothing of it. When a webhook is registered some deliveries are
badly signed on purpose: 401 and nothing else is the right answer.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the webhooks key is needed")

XERO = Provider(
    name="xero",
    title="Xero",
    documentation="https://developer.xero.com/documentation/guides/webhooks/overview/",
    scheme=HeaderScheme(
        header="x-xero-signature", algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),)
    ),
    reader=FieldReader(
        items="events",
        # INVOICE.UPDATE
        type=at("eventCategory+eventType"),
        id=at("resourceId+eventType+eventDateUtc"),
        objects=(at("resourceId"),),
    ),
    covers="body",
    url="account",
    # That an invoice has changed does not say how: a source names what it wants to hear of.
    succeed_on=(),
    responses=Responses(accepted=Answer(200), pending=Answer(200), unverified=Answer(401)),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(hours=24),
    unconfirmed=("that resource, kind of event and date tell two events apart",),
)
