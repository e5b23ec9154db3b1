"""
PayPal's REST webhooks, https://developer.paypal.com/api/rest/webhooks/rest/

The body enters the signature as a CRC-32 only, which anybody can keep while changing the body: so an event is
a notification, to be confirmed by asking PayPal. What is really signed is the id of the transmission, which
is the event's id here; a repeat that is a transmission of its own is known by its body.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fetch import Location
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.certificate import CertificateScheme, Identity, InHeader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.template import Crc32, Header, Template

_ID, _TIME = Header("paypal-transmission-id"), Header("paypal-transmission-time")

PAYPAL = Provider(
    name="paypal",
    title="PayPal",
    documentation="https://developer.paypal.com/api/rest/webhooks/rest/",
    secrets_from="in the developer dashboard under the app, Webhooks; sandbox and live have different ones",
    quirks=(
        "of the body a CRC-32 is signed and no more, so an amount has to be asked of PayPal",
        "its older IPN is another protocol and is not taken",
    ),
    scheme=CertificateScheme(
        signature=InHeader("paypal-transmission-sig"),
        url=InHeader("paypal-cert-url"),
        location=Location(
            host=r"api\.(sandbox\.)?paypal\.com", path=r"/v1/notifications/certs/[A-Za-z0-9-]{1,100}"
        ),
        names=r"[a-z0-9.-]+\.paypal\.com",
        demands=((InHeader("paypal-auth-algo"), "SHA256withRSA"),),
        templates=(Template.of(_ID, "|", _TIME, "|", Identity(), "|", Crc32()),),
        key_form=KeyForm(
            pattern="[A-Za-z0-9]+",
            hint="the webhook's id is needed, which PayPal shows beside its URL",
        ),
    ),
    reader=FieldReader(
        type=at("event_type"),
        id=at("header:paypal-transmission-id"),
        time=at("create_time"),
        reason=at("resource.status_details.reason|summary"),
        references=(
            at("resource.custom_id"),
            at("resource.purchase_units.*.custom_id"),
            at("resource.custom"),
        ),
        objects=(
            at("resource.id"),
            at("resource.supplementary_data.related_ids.order_id"),
            at("resource.parent_payment"),
        ),
        covered="checksum",
    ),
    covers="fields",
    verified="notification",
    url="account",
    # CHECKOUT.ORDER.APPROVED is no payment yet: the order has to be captured.
    succeed_on=("PAYMENT.CAPTURE.COMPLETED", "PAYMENT.SALE.COMPLETED", "BILLING.SUBSCRIPTION.ACTIVATED"),
    fail_on=("BILLING.SUBSCRIPTION.CANCELLED", "BILLING.SUBSCRIPTION.EXPIRED"),
    # The buyer can pay the same order in another way.
    fail_on_optional=("PAYMENT.CAPTURE.DENIED", "PAYMENT.CAPTURE.DECLINED", "PAYMENT.SALE.DENIED"),
    retries_for=timedelta(days=3),
    reference_field="resource.custom_id",
    reference_max=127,
    unconfirmed=(
        "whether a repeat is the same transmission: it is known by its body, too",
        "PAYMENT.CAPTURE.DECLINED, the newer name of DENIED",
        "how long PayPal waits for an answer",
        "where a certificate may be: the hosts and paths of those that were published",
    ),
)
