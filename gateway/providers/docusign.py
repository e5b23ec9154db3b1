"""
DocuSign Connect, https://developers.docusign.com/platform/webhooks/connect/

One header for each key of the account. A repeat counts up `retryCount` in the body, so envelope, event and
recipient are the event's identity.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="an HMAC key of the account's Connect settings is needed")

DOCUSIGN = Provider(
    name="docusign",
    title="DocuSign Connect",
    documentation="https://developers.docusign.com/platform/webhooks/connect/hmac/",
    scheme=HeaderScheme(
        header="x-docusign-signature-1",
        beside=tuple(f"x-docusign-signature-{number}" for number in range(2, 17)),
        algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),),
    ),
    reader=FieldReader(
        type=at("event"),
        id=at("event+data.envelopeId+data.recipientId?"),
        time=at("generatedDateTime"),
        reason=at(
            "data.envelopeSummary.voidedReason"
            "|data.envelopeSummary.recipients.signers.0.declinedReason"
            "|data.envelopeSummary.recipients.signers.0.declineReason"
        ),
        references=(at("data.envelopeSummary.customFields.textCustomFields.*.value"),),
        objects=(at("data.envelopeId"),),
    ),
    covers="body",
    url="both",
    succeed_on=("envelope-completed",),
    fail_on=("envelope-declined", "envelope-voided"),
    retries_for=timedelta(days=15),
    reference_field="data.envelopeSummary.customFields.textCustomFields.*.value",
    reference_max=100,
    unconfirmed=(
        "a custom field holds 100 characters, and comes with the event where Connect is set to send it",
        "how long a delivery is repeated: 15 days or ten times",
        "the time limit of an answer",
    ),
)
