"""
How others' libraries on PyPI are asked whether a delivery is genuine.

Their providers have none there that says so. Those of Django are handed its settings here.
"""

from __future__ import annotations

import base64
from dataclasses import replace

import httpx
from cryptography.hazmat.primitives import serialization

from gateway.delivery import Delivery
from tests.providers.samples import FETCHED
from tests.sdks.judges import header, judge, retold, swapped, text


def _django() -> None:
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "paypal_checkout"])
        django.setup()


@judge("airwallex", library="airwallex", refuses="WebhookSignatureError")
def airwallex(delivery: Delivery, secret: str) -> object:
    from airwallex import webhooks

    return webhooks.construct_event(
        payload=delivery.body,
        timestamp=header(delivery, "x-timestamp"),
        signature=header(delivery, "x-signature"),
        secret=secret,
    )


# PayPal's own libraries ask PayPal; this one fetches the certificate, which is handed to it.
@judge("paypal", library="dj-paypal-checkout")
def paypal(delivery: Delivery, secret: str) -> object:
    _django()
    from paypal_checkout.config import PayPalConfig
    from paypal_checkout.webhooks.verify import SIGNATURE_HEADERS, verify_offline

    config = PayPalConfig(client_id="x", client_secret="y", webhook_id=secret)
    headers = {name: header(delivery, sent) for name, sent in SIGNATURE_HEADERS.items()}
    answer = httpx.Response(200, content=FETCHED["paypal"])
    transport = httpx.MockTransport(lambda request: answer)
    return verify_offline(config=config, headers=headers, body=delivery.body, transport=transport)


# It knows Wise's two keys and no other: the one that signs here takes the place of the sandbox's.
@judge("wise", library="pywisetransfer")
def wise(delivery: Delivery, secret: str) -> object:
    from pywisetransfer import webhooks

    key = serialization.load_pem_private_key(secret.encode(), password=None).public_key()
    shown = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    webhooks.get_webhook_public_key = lambda environment: shown
    signature = base64.b64decode(header(delivery, "x-signature-sha256"), validate=True)
    return webhooks.verify_signature(delivery.body, signature)


@judge("flutterwave", library="django-flutterwave-wallet", change=retold("verif-hash"))
def flutterwave(delivery: Delivery, secret: str) -> object:
    _django()
    from flutterwave_wallet.flutterwave.client import verify_hash_header

    return verify_hash_header(header(delivery, "verif-hash"), secret)


@judge("flutterwave-v4", library="django-flutterwave-wallet")
def flutterwave_v4(delivery: Delivery, secret: str) -> object:
    _django()
    from flutterwave_wallet.flutterwave.client import verify_hmac_signature

    return verify_hmac_signature(delivery.body, header(delivery, "flutterwave-signature"), secret)


# Three fields are hashed, the order's id among them.
_ORDER = swapped('"order_id":"', '"order_id":"x')


@judge("midtrans", library="paynesia", refuses="SignatureError", change=_ORDER)
def midtrans(delivery: Delivery, secret: str) -> object:
    from paynesia.gateways.midtrans import MidtransGateway

    return MidtransGateway({"server_key": secret}).handle_webhook({}, text(delivery))


@judge("xendit", library="paynesia", refuses="SignatureError", change=retold("x-callback-token"))
def xendit(delivery: Delivery, secret: str) -> object:
    from paynesia.gateways.xendit import XenditGateway

    return XenditGateway({"api_key": "x", "callback_token": secret}).handle_webhook(
        dict(delivery.headers), text(delivery)
    )


def _stranger(delivery: Delivery) -> Delivery:
    credentials = base64.b64encode(b"user:and another password").decode()
    return replace(delivery, headers=delivery.headers.with_(authorization=f"Basic {credentials}"))


@judge("postmark", library="django-anymail", refuses="AnymailWebhookValidationFailure", change=_stranger)
def postmark(delivery: Delivery, secret: str) -> object:
    _django()
    from anymail.webhooks.postmark import PostmarkTrackingWebhookView
    from django.test import RequestFactory

    sent = RequestFactory().post("/", delivery.body, "application/json", headers=dict(delivery.headers))
    return PostmarkTrackingWebhookView(webhook_secret=secret).run_validators(sent)
