"""
Persona, https://docs.withpersona.com/webhooks

While a secret is rotated there are two signatures with a space between them, each with its own time.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Template
from gateway.providers.signatures.timestamp import Timestamp

PERSONA = Provider(
    name="persona",
    title="Persona",
    documentation="https://docs.withpersona.com/docs/webhooks-best-practices",
    secrets_from="the webhook's secret, at the webhook in the dashboard",
    scheme=HeaderScheme(
        header="persona-signature",
        between=" ",
        grammar=Listed(between=",", within="="),
        algorithms=(("v1", Hmac()),),
        templates=(Template.of(Field("t"), ".", Body()),),
        timestamp=Timestamp(source=Field("t")),
    ),
    reader=FieldReader(
        type=at("data.attributes.name"),
        id=at("data.id"),
        time=at("data.attributes.created-at"),
        reason=at("data.attributes.payload.data.attributes.reviewer-comment"),
        references=(at("data.attributes.payload.data.attributes.reference-id"),),
        objects=(at("data.attributes.payload.data.id"),),
    ),
    covers="body",
    url="account",
    # inquiry.completed is followed by a decision.
    succeed_on=("inquiry.approved",),
    fail_on=("inquiry.declined", "inquiry.failed"),
    # An inquiry that has expired can be resumed.
    fail_on_optional=("inquiry.expired",),
    reference_field="data.attributes.payload.data.attributes.reference-id",
    unconfirmed=(
        "the tolerance: it names none, so it is the usual five minutes, and a repeat has to be signed anew",
        "for how long a delivery is repeated, and the time limit of an answer",
    ),
)
