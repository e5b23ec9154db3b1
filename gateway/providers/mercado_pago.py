"""
Mercado Pago's notifications, https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/webhooks

The id of the object in the URL, the request's id and the time are signed, nothing else: what happened
has to be asked (`GET /v1/payments/{id}`). Notifications of QR codes and IPN are not signed at all.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Field, Header, QueryAndBody, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the application's secret signature is needed, not an access token (APP_USR-…)")
_REPEATED = timedelta(days=4)
_REQUEST = Header("x-request-id")

#: Letters of an id were documented to be signed in lower case; the libraries sign them as they come.
_TEMPLATES = tuple(
    Template.of(
        *("id:", QueryAndBody("data.id", ("data", "id"), lower)),
        *(";request-id:", _REQUEST, ";ts:", Field("ts"), ";"),
    )
    for lower in (False, True)
)

MERCADO_PAGO = Provider(
    name="mercado-pago",
    title="Mercado Pago",
    documentation="https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/webhooks",
    scheme=HeaderScheme(
        header="x-signature",
        grammar=Listed(between=",", within="="),
        algorithms=(("v1", Hmac(key_form=_KEY)),),
        templates=_TEMPLATES,
        # A repeat may bear the time of the first: it is the same request, by its id.
        timestamp=Timestamp(source=Field("ts"), unit="s or ms", past=int(_REPEATED.total_seconds())),
    ),
    reader=FieldReader(
        type=at("action|type"),
        id=at("header:x-request-id"),
        time=at("date_created"),
        objects=(at("data.id"),),
        covered=("data.id",),
        covered_headers=frozenset({"x-request-id"}),
    ),
    covers="fields",
    verified="notification",
    # external_reference shows only in the payment that is asked for.
    url="both",
    succeed_on=(),
    responses=EXACTLY_200,
    deadline=timedelta(seconds=22),
    # Every 15 minutes, then longer apart.
    retries_for=_REPEATED,
    unconfirmed=(
        "ts is in seconds or in milliseconds: told by its length",
        "whether an id's letters are signed in lower case: both are taken",
        "a repeat has the same x-request-id",
        "over how long a notification is repeated",
    ),
)
