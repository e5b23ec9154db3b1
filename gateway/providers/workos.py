"""WorkOS, https://workos.com/docs/events/data-syncing/webhooks"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Template
from gateway.providers.signatures.timestamp import Timestamp

WORKOS = Provider(
    name="workos",
    title="WorkOS",
    documentation="https://workos.com/docs/events/data-syncing/webhooks",
    scheme=HeaderScheme(
        header="workos-signature",
        grammar=Listed(between=", ", within="="),
        algorithms=(("v1", Hmac(key_form=KeyForm(hint="the webhook endpoint's secret is needed"))),),
        templates=(Template.of(Field("t"), ".", Body()),),
        # Three minutes are what its SDK allows.
        timestamp=Timestamp(source=Field("t"), unit="ms", past=180, future=180),
    ),
    reader=FieldReader(
        type=at("event"),
        id=at("id"),
        time=at("created_at"),
        references=(at("data.external_id"), at("data.metadata.reference")),
        objects=(at("data.id"), at("data.organization_id")),
    ),
    covers="body",
    url="account",
    succeed_on=("connection.activated", "invitation.accepted", "user.created"),
    fail_on=("connection.deleted", "invitation.revoked"),
    retries_for=timedelta(days=3),
    reference_field="data.external_id",
    unconfirmed=("that a delivery is repeated twelve times in three days, each time signed anew",),
)
