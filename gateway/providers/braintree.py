"""
Braintree, https://developer.paypal.com/braintree/docs/guides/webhooks/overview

A delivery is a form of a signature and a payload: XML in base64, which the handler gets as JSON. A
source's secret is `public key|private key`, both of the API.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from gateway.delivery import Answer
from gateway.errors import Malformed, Unverified
from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.handshakes import InQuery, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.form_field import FormScheme
from gateway.providers.signatures.grammar import Listed
from gateway.secret import Secret

# HMAC does not rest on what SHA-1 lacks.
_SCHEME = FormScheme(
    signature="bt_signature",
    covered="bt_payload",
    grammar=Listed(between="&", within="|"),
    algorithm=Hmac(hash="sha1", key_form=KeyForm(hashed="sha1")),
    endings=(b"", b"\n"),
)
_CHALLENGE = re.compile(r"[0-9a-f]{20,32}")


class SignedChallenge:
    """
    The public key and the signature of the challenge.

    Whoever asks gets that signature. It is of no use for an event: digits in hex decode as base64 to bytes
    that no XML begins with.
    """

    def answer(self, text: str, keys: Sequence[Secret]) -> Answer:
        """The answer; `Malformed` for a challenge that is none, `Unverified` without a secret."""
        if not _CHALLENGE.fullmatch(text):
            raise Malformed("bt_challenge is not 20 to 32 digits in hex")
        if not keys:
            raise Unverified("the source has no secret to answer with")
        name, _, key = keys[0].reveal().partition(b"|")
        return Answer(200, name + b"|" + _SCHEME.algorithm.sign(key, text.encode()).encode(), "text/plain")


BRAINTREE = Provider(
    name="braintree",
    title="Braintree",
    documentation="https://developer.paypal.com/braintree/docs/guides/webhooks/parse",
    secrets_from=(
        "public key|private key, the two with the bar between them, from the Control Panel's API keys"
    ),
    quirks=("its XML reaches the handler as JSON",),
    scheme=_SCHEME,
    reader=FieldReader(
        body="json or form",
        payload=_SCHEME.covered,
        payload_form="XML in base64",
        type=at("notification.kind"),
        # There is none: a kind's object and the time.
        id=at(
            "|".join(
                f"notification.kind+notification.subject.{name}.id+notification.timestamp"
                for name in ("transaction", "subscription", "dispute", "disbursement")
            )
        ),
        time=at("notification.timestamp"),
        reason=at(
            "notification.subject.transaction.processor-settlement-response-text"
            "|notification.subject.transaction.processor-response-text|notification.subject.transaction.status"
        ),
        references=(
            at("notification.subject.transaction.order-id"),
            at("notification.subject.transaction.custom-fields.reference"),
        ),
        objects=(
            at("notification.subject.transaction.id"),
            at("notification.subject.subscription.id"),
            at("notification.subject.dispute.id"),
        ),
        covered="payload",
    ),
    covers="fields",
    url="account",
    succeed_on=("transaction_settled", "subscription_charged_successfully"),
    fail_on=("transaction_settlement_declined",),
    # A subscription's charge is tried again.
    fail_on_optional=("subscription_charged_unsuccessfully",),
    media_types=(FORM,),
    handshakes=(
        Registration(asked=InQuery("bt_challenge"), reply=SignedChallenge(), method="GET", signed=False),
    ),
    deadline=timedelta(seconds=30),
    # Hourly; for 3 hours in the sandbox.
    retries_for=timedelta(hours=24),
    reference_field="notification.subject.transaction.order-id",
    reference_max=255,
    unconfirmed=(
        "the order's id stands in the transaction, and holds 255 characters",
        "a repeat has the same timestamp",
    ),
)
