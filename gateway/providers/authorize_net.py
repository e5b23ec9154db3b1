"""
Authorize.Net, https://developer.authorize.net/api/reference/features/webhooks.html

A declined card makes no event: the wait needs a timeout.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import EXACTLY_200, Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

#: 128 digits in hex, and used as the text that they are.
_KEY = KeyForm(hint="the signature key is needed (128 digits in hex), not the transaction key")

AUTHORIZE_NET = Provider(
    name="authorize-net",
    title="Authorize.Net",
    documentation="https://developer.authorize.net/api/reference/features/webhooks.html",
    scheme=HeaderScheme(
        header="x-anet-signature",
        grammar=Whole("sha512="),
        algorithms=(("", Hmac(hash="sha512", encoding="HEX", key_form=_KEY)),),
    ),
    reader=FieldReader(
        # A payment that is held for review (4) is reported as captured too.
        type=at("eventType=net.authorize.payment.authcapture.created+payload.responseCode=4|eventType"),
        id=at("notificationId"),
        time=at("eventDate"),
        references=(at("payload.merchantReferenceId"), at("payload.invoiceNumber")),
        objects=(at("payload.id"),),
    ),
    covers="body",
    url="account",
    succeed_on=("net.authorize.payment.authcapture.created", "net.authorize.payment.fraud.approved"),
    fail_on=("net.authorize.payment.fraud.declined",),
    fail_on_optional=("net.authorize.payment.void.created",),
    responses=EXACTLY_200,
    # Three times after 3 minutes, three after 8 hours, four after 48.
    retries_for=timedelta(days=10),
    reference_field="payload.merchantReferenceId",
    reference_max=20,
    experimental="sources differ in whether the signature key is used as text (here) or as 64 bytes",
    unconfirmed=(
        "the signature key is used as text: one delivery that was published says so",
        "ten attempts over nine days",
        "a declined card makes no event",
        "what is held for review comes as authcapture.created with responseCode 4",
    ),
)
