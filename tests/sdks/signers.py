"""
How those libraries sign that can: each makes a delivery of ours genuine.

A signer takes a delivery that nobody signed yet, the secret as it is configured, and the time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from gateway.delivery import Delivery
from tests.sdks.judges import form, text

Sign = Callable[[Delivery, str, float], Delivery]
#: By the provider's name in the catalogue.
SIGNERS: dict[str, Sign] = {}


def signer(*names: str) -> Callable[[Sign], Sign]:
    """Declares how deliveries of the providers named are signed."""

    def declare(sign: Sign) -> Sign:
        SIGNERS.update(dict.fromkeys(names, sign))
        return sign

    return declare


def with_headers(delivery: Delivery, **headers: str) -> Delivery:
    """The delivery with headers, `_` for `-`."""
    return replace(delivery, headers=delivery.headers.with_(**headers))


@signer("stripe")
def stripe(delivery: Delivery, secret: str, now: float) -> Delivery:
    from stripe import WebhookSignature

    signature = WebhookSignature._compute_signature(f"{int(now)}.{text(delivery)}", secret)
    return with_headers(delivery, stripe_signature=f"t={int(now)},v1={signature}")


def _standard(delivery: Delivery, secret: str | bytes, now: float) -> Delivery:
    from standardwebhooks import Webhook

    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(int(now), UTC), text(delivery))
    return with_headers(
        delivery, webhook_id="msg_1", webhook_timestamp=str(int(now)), webhook_signature=signature
    )


@signer("standard-webhooks", "gitlab-signed", "lithic")
def standard_webhooks(delivery: Delivery, secret: str, now: float) -> Delivery:
    return _standard(delivery, secret, now)


@signer("increase", "bigcommerce")
def standard_webhooks_in_clear(delivery: Delivery, secret: str, now: float) -> Delivery:
    # Their secrets are the key itself, not base64 of it.
    return _standard(delivery, secret.encode(), now)


@signer("svix", "clerk", "resend")
def svix(delivery: Delivery, secret: str, now: float) -> Delivery:
    from svix.webhooks import Webhook

    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(int(now), UTC), text(delivery))
    return with_headers(delivery, svix_id="msg_1", svix_timestamp=str(int(now)), svix_signature=signature)


@signer("adyen")
def adyen(delivery: Delivery, secret: str, now: float) -> Delivery:
    from Adyen.util import generate_notification_sig

    body = json.loads(delivery.body)
    for one in body["notificationItems"]:
        item = one["NotificationRequestItem"]
        item["additionalData"]["hmacSignature"] = generate_notification_sig(item, secret).decode()
    return replace(delivery, body=json.dumps(body).encode())


@signer("adyen-platform")
def adyen_platform(delivery: Delivery, secret: str, now: float) -> Delivery:
    from Adyen.util import generate_payload_sig

    return with_headers(delivery, hmacsignature=generate_payload_sig(delivery.body, secret).decode())


@signer("braintree")
def braintree(delivery: Delivery, secret: str, now: float) -> Delivery:
    import braintree

    public, private = secret.split("|")
    account = braintree.Configuration(
        braintree.Environment.Development, merchant_id="m", public_key=public, private_key=private
    )
    made = braintree.BraintreeGateway(account).webhook_testing.sample_notification(
        braintree.WebhookNotification.Kind.TransactionSettled, "my_id"
    )
    return replace(delivery, body=urlencode(made).encode())


@signer("coinbase-commerce")
def coinbase_commerce(delivery: Delivery, secret: str, now: float) -> Delivery:
    from coinbase_commerce.webhook import WebhookSignature

    signature = WebhookSignature._compute_signature(text(delivery), secret)
    return with_headers(delivery, x_cc_webhook_signature=signature)


@signer("modern-treasury")
def modern_treasury(delivery: Delivery, secret: str, now: float) -> Delivery:
    from modern_treasury import ModernTreasury

    client = ModernTreasury(api_key="x", organization_id="y")
    return with_headers(delivery, x_signature=client.webhooks.get_signature(text(delivery), key=secret))


@signer("slack")
def slack(delivery: Delivery, secret: str, now: float) -> Delivery:
    from slack_sdk.signature import SignatureVerifier

    at = str(int(now))
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=delivery.body)
    return with_headers(delivery, x_slack_request_timestamp=at, x_slack_signature=signature or "")


@signer("twilio")
def twilio(delivery: Delivery, secret: str, now: float) -> Delivery:
    from twilio.request_validator import RequestValidator

    signature = RequestValidator(secret).compute_signature(delivery.url, form(delivery))
    return with_headers(delivery, x_twilio_signature=signature)


def _hubspot(version: str, name: str) -> Sign:
    def sign(delivery: Delivery, secret: str, now: float) -> Delivery:
        from hubspot.utils.signature import Signature

        at = str(int(now * 1000))
        signature = Signature.get_signature(secret, text(delivery), version, delivery.url, "POST", at)
        return with_headers(delivery, x_hubspot_request_timestamp=at, **{name: signature})

    return sign


signer("hubspot")(_hubspot("v3", "x_hubspot_signature_v3"))
signer("hubspot-v1")(_hubspot("v1", "x_hubspot_signature"))
signer("hubspot-v2")(_hubspot("v2", "x_hubspot_signature"))
