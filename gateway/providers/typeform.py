"""
Typeform, https://www.typeform.com/developers/webhooks/

Our reference is a hidden field, named in the link that the respondent gets. A 404 or 410 switches the
webhook off.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

TYPEFORM = Provider(
    name="typeform",
    title="Typeform",
    documentation="https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
    secrets_from="a text of your choice, given as the webhook's secret",
    scheme=HeaderScheme(
        header="typeform-signature", grammar=Whole("sha256="), algorithms=(("", Hmac(encoding="base64")),)
    ),
    reader=FieldReader(
        type=at("event_type"),
        id=at("event_id"),
        time=at("form_response.submitted_at"),
        references=(at("form_response.hidden.reference"),),
        objects=(at("form_response.token"),),
    ),
    covers="body",
    url="account",
    succeed_on=("form_response",),
    deadline=timedelta(seconds=30),
    retries_for=timedelta(hours=10),
    reference_field="form_response.hidden.reference",
    unconfirmed=(
        "the time limit of an answer, and that a delivery is repeated for 10 hours",
        "that a 404 or 410 switches the webhook off",
    ),
)
