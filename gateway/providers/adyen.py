"""
Adyen's standard webhooks (payments), https://docs.adyen.com/development-resources/webhooks

Eight fields of each item are signed, and nothing else: not the reason, not the date, no metadata. Our
reference travels as merchantReference, which is one of the eight.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.items import ItemScheme

_ITEM = "NotificationRequestItem"
_SIGNED = tuple(
    f"{_ITEM}.{name}"
    for name in (
        "pspReference",
        "originalReference",
        "merchantAccountCode",
        "merchantReference",
        "amount.value",
        "amount.currency",
        "eventCode",
        "success",
    )
)
#: What older endpoints wait for; newer ones look at the status only.
_ACCEPTED = b"[accepted]"

ADYEN = Provider(
    name="adyen",
    title="Adyen",
    documentation="https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/",
    secrets_from=(
        "in the Customer Area under Developers, Webhooks, at the webhook's security settings:"
        " generate an HMAC key"
    ),
    quirks=(
        "metadata and additionalData come back unsigned: the reference belongs into merchantReference",
        "one event that is not acknowledged holds back all behind it",
    ),
    scheme=ItemScheme(
        items=("notificationItems",),
        signature=(_ITEM, "additionalData", "hmacSignature"),
        fields=tuple(tuple(path.split(".")) for path in _SIGNED),
        separator=":",
        # The only one of the eight that a merchant writes freely.
        free=(_ITEM, "merchantReference"),
        algorithm=Hmac(
            encoding="base64",
            key_form=KeyForm(encoding="hex", hint="the HMAC key is shown once, as 64 digits in hex"),
        ),
    ),
    reader=FieldReader(
        items="notificationItems",
        type=at(f"{_ITEM}.eventCode+{_ITEM}.success"),
        id=at(f"{_ITEM}.eventCode+{_ITEM}.pspReference+{_ITEM}.success"),
        time=at(f"{_ITEM}.eventDate"),
        reason=at(f"{_ITEM}.reason"),
        references=(at(f"{_ITEM}.merchantReference"),),
        objects=(at(f"{_ITEM}.pspReference"), at(f"{_ITEM}.originalReference")),
        covered=_SIGNED,
    ),
    covers="fields",
    url="account",
    succeed_on=("AUTHORISATION.true",),
    fail_on=("CANCELLATION.true",),
    # A shopper who was refused, or let an offer lapse, pays in another way, under the same merchantReference.
    fail_on_optional=(
        "AUTHORISATION.false",
        "OFFER_CLOSED.true",
        "CAPTURE_FAILED.true",
        "REFUND_FAILED.true",
    ),
    responses=Responses(
        accepted=Answer(200, _ACCEPTED, "text/plain"), pending=Answer(202, _ACCEPTED, "text/plain")
    ),
    retries_for=timedelta(days=30),
    reference_field=f"{_ITEM}.merchantReference",
    reference_max=80,
)
