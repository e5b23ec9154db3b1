"""
How each provider's own library is asked whether a delivery is genuine. Others' are in `third_party.py`.

A judge takes a delivery and the secret as it is configured. It accepts by returning anything but False; it
refuses by returning False or by raising the error that it is declared with, and no other. Libraries are
imported where they are asked, so that one that can't be imported fails its own provider alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization

from gateway.delivery import Delivery
from tests.providers.keys import public_pem, rsa_key

Verify = Callable[[Delivery, str], object]
Change = Callable[[Delivery], Delivery]


@dataclass(frozen=True)
class Judge:
    """
    A library's verdict on one provider.

    `library` is its name on PyPI, `refuses` the name of the error that means "not genuine", None where False
    does. `change` makes a delivery that it must not accept out of a genuine one.
    """

    library: str
    verify: Verify
    refuses: str | None
    change: Change


#: By the provider's name in the catalogue.
JUDGES: dict[str, Judge] = {}


def longer(delivery: Delivery) -> Delivery:
    """The delivery with one more byte in its body."""
    return replace(delivery, body=delivery.body + b" ")


def swapped(old: str, new: str) -> Change:
    """What writes another text into the body, for those that sign some fields of it."""

    def change(delivery: Delivery) -> Delivery:
        assert old.encode() in delivery.body
        return replace(delivery, body=delivery.body.replace(old.encode(), new.encode()))

    return change


def elsewhere(delivery: Delivery) -> Delivery:
    """The delivery to another URL, for those that sign no body."""
    return replace(delivery, url=delivery.url.replace("123456781", "123456782").replace("hooks.", "h."))


def cut(header: str) -> Change:
    """What writes another letter into a token, for those that are asked for the token alone."""

    def change(delivery: Delivery) -> Delivery:
        token = delivery.headers.one(header) or ""
        head, claims, signature = token.rsplit(".", 2)
        signature = ("B" if signature[0] == "A" else "A") + signature[1:]
        return replace(delivery, headers=delivery.headers.with_(**{header: f"{head}.{claims}.{signature}"}))

    return change


def retold(name: str) -> Change:
    """What writes another token into a header, for those that sign nothing."""

    def change(delivery: Delivery) -> Delivery:
        told = {name.replace("-", "_"): header(delivery, name) + "x"}
        return replace(delivery, headers=delivery.headers.with_(**told))

    return change


def judge(
    *names: str, library: str, refuses: str | None = None, change: Change = longer
) -> Callable[[Verify], Verify]:
    """Declares a library as the judge of the providers named."""

    def declare(verify: Verify) -> Verify:
        for name in names:
            JUDGES[name] = Judge(library, verify, refuses, change)
        return verify

    return declare


def text(delivery: Delivery) -> str:
    """The body, as most libraries want it."""
    return delivery.body.decode()


def header(delivery: Delivery, name: str) -> str:
    """A header that has to be there."""
    value = delivery.headers.one(name)
    assert value is not None, f"we sent no {name}"
    return value


def form(delivery: Delivery) -> dict[str, str]:
    """The fields of a form."""
    return {name: values[0] for name, values in parse_qs(text(delivery), keep_blank_values=True).items()}


# Payments.


@judge("stripe", library="stripe", refuses="SignatureVerificationError")
def stripe(delivery: Delivery, secret: str) -> object:
    import stripe

    return stripe.Webhook.construct_event(delivery.body, header(delivery, "stripe-signature"), secret)


@judge("adyen", library="adyen", change=swapped("QFQTPCQ8HXSKGK82", "QFQTPCQ8HXSKGK83"))
def adyen(delivery: Delivery, secret: str) -> object:
    from Adyen.util import is_valid_hmac_notification

    items = json.loads(delivery.body)["notificationItems"]
    return all(is_valid_hmac_notification(item["NotificationRequestItem"], secret) for item in items)


@judge("adyen-platform", library="adyen")
def adyen_platform(delivery: Delivery, secret: str) -> object:
    from Adyen.util import is_valid_hmac_payload

    return is_valid_hmac_payload(header(delivery, "hmacsignature"), secret, delivery.body)


@judge("square", library="squareup")
def square(delivery: Delivery, secret: str) -> object:
    from square.utils.webhooks_helper import verify_signature

    return verify_signature(
        request_body=text(delivery),
        signature_header=header(delivery, "x-square-hmacsha256-signature"),
        signature_key=secret,
        notification_url=delivery.url,
    )


@judge(
    "braintree",
    library="braintree",
    refuses="InvalidSignatureError",
    change=swapped("bt_payload=", "bt_payload=A"),
)
def braintree(delivery: Delivery, secret: str) -> object:
    import braintree

    fields, (public, private) = form(delivery), secret.split("|")
    account = braintree.Configuration(
        braintree.Environment.Development, merchant_id="m", public_key=public, private_key=private
    )
    notification = braintree.BraintreeGateway(account).webhook_notification
    return notification.parse(fields["bt_signature"], fields["bt_payload"])


@judge("gocardless", library="gocardless-pro", refuses="InvalidSignatureError")
def gocardless(delivery: Delivery, secret: str) -> object:
    from gocardless_pro import webhooks

    return webhooks.parse(text(delivery), secret, header(delivery, "webhook-signature"))


@judge("razorpay", library="razorpay", refuses="SignatureVerificationError")
def razorpay(delivery: Delivery, secret: str) -> object:
    import razorpay

    utility = razorpay.Client(auth=("id", "secret")).utility
    return utility.verify_webhook_signature(text(delivery), header(delivery, "x-razorpay-signature"), secret)


@judge("paddle", library="paddle-python-sdk")
def paddle(delivery: Delivery, secret: str) -> object:
    from paddle_billing.Notifications import Secret, Verifier

    headers = {"Paddle-Signature": header(delivery, "paddle-signature")}
    return Verifier(300).verify(SimpleNamespace(headers=headers, body=delivery.body), Secret(secret))


@judge("coinbase-commerce", library="coinbase-commerce", refuses="SignatureVerificationError")
def coinbase_commerce(delivery: Delivery, secret: str) -> object:
    from coinbase_commerce.webhook import WebhookSignature

    signature = header(delivery, "x-cc-webhook-signature")
    return WebhookSignature.verify_sig_header(text(delivery), signature, secret)


# The body is not signed, the id in the URL is.
@judge("mercado-pago", library="mercadopago", refuses="InvalidWebhookSignatureError", change=elsewhere)
def mercado_pago(delivery: Delivery, secret: str) -> object:
    from mercadopago.webhook import WebhookSignatureValidator

    identity = parse_qs(urlsplit(delivery.url).query)["data.id"][0]
    signature, request = header(delivery, "x-signature"), header(delivery, "x-request-id")
    return WebhookSignatureValidator.validate(signature, request, identity, secret, tolerance_seconds=60)


@judge("modern-treasury", library="modern-treasury")
def modern_treasury(delivery: Delivery, secret: str) -> object:
    from modern_treasury import ModernTreasury

    client = ModernTreasury(api_key="x", organization_id="y")
    return client.webhooks.validate_signature(text(delivery), dict(delivery.headers), key=secret)


@judge("lithic", library="lithic", refuses="WebhookVerificationError")
def lithic(delivery: Delivery, secret: str) -> object:
    from lithic import Lithic

    client = Lithic(api_key="x")
    return client.webhooks.verify_signature(text(delivery), dict(delivery.headers), secret=secret)


@judge("increase", library="increase", refuses="WebhookVerificationError")
def increase(delivery: Delivery, secret: str) -> object:
    from increase import Increase

    return Increase(api_key="x").events.unwrap(
        text(delivery), headers=dict(delivery.headers), key=secret.encode()
    )


@judge("polar", library="polar-sdk", refuses="PolarWebhookVerificationError")
def polar(delivery: Delivery, secret: str) -> object:
    from polar.webhooks import validate_event

    kinds = frozenset({json.loads(delivery.body)["type"]})
    return validate_event(text(delivery), dict(delivery.headers), secret, kinds, lambda data: data)


# Standard Webhooks, and those that use it.


@judge("standard-webhooks", "gitlab-signed", library="standardwebhooks", refuses="WebhookVerificationError")
def standard_webhooks(delivery: Delivery, secret: str) -> object:
    from standardwebhooks import Webhook

    return Webhook(secret).verify(text(delivery), dict(delivery.headers))


@judge("bigcommerce", library="standardwebhooks", refuses="WebhookVerificationError")
def bigcommerce(delivery: Delivery, secret: str) -> object:
    from standardwebhooks import Webhook

    # As BigCommerce says: the client secret is made base64 first.
    encoded = base64.b64encode(secret.encode()).decode()
    return Webhook(encoded).verify(text(delivery), dict(delivery.headers))


@judge("svix", "clerk", library="svix", refuses="WebhookVerificationError")
def svix(delivery: Delivery, secret: str) -> object:
    from svix.webhooks import Webhook

    return Webhook(secret).verify(text(delivery), dict(delivery.headers))


@judge("openai", library="openai", refuses="InvalidWebhookSignatureError")
def openai(delivery: Delivery, secret: str) -> object:
    from openai import OpenAI

    client = OpenAI(api_key="x", webhook_secret=secret)
    return client.webhooks.unwrap(text(delivery), dict(delivery.headers))


@judge("anthropic", library="anthropic", refuses="WebhookVerificationError")
def anthropic(delivery: Delivery, secret: str) -> object:
    from anthropic import Anthropic

    webhooks = Anthropic(api_key="x").beta.webhooks
    return webhooks.unwrap(text(delivery), headers=dict(delivery.headers), key=secret)


@judge("replicate", library="replicate", refuses="InvalidSignatureError")
def replicate(delivery: Delivery, secret: str) -> object:
    from replicate.webhook import Webhooks, WebhookSigningSecret

    return Webhooks.validate(
        headers=dict(delivery.headers),
        body=text(delivery),
        secret=WebhookSigningSecret(key=secret),
        tolerance=300,
    )


@judge("resend", library="resend", refuses="ValueError")
def resend(delivery: Delivery, secret: str) -> object:
    import resend

    headers = {name: header(delivery, f"svix-{name}") for name in ("id", "timestamp", "signature")}
    return resend.Webhooks.verify({"payload": text(delivery), "headers": headers, "webhook_secret": secret})


# Messages.


@judge("twilio", library="twilio", change=swapped("delivered", "undeliver"))
def twilio(delivery: Delivery, secret: str) -> object:
    from twilio.request_validator import RequestValidator

    signature = header(delivery, "x-twilio-signature")
    return RequestValidator(secret).validate(delivery.url, form(delivery), signature)


@judge("sendgrid", library="sendgrid")
def sendgrid(delivery: Delivery, secret: str) -> object:
    from sendgrid.helpers.eventwebhook import EventWebhook

    key = serialization.load_pem_private_key(secret.encode(), password=None).public_key()
    shown = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = "x-twilio-email-event-webhook"
    signature, at = header(delivery, f"{name}-signature"), header(delivery, f"{name}-timestamp")
    return EventWebhook(base64.b64encode(shown).decode()).verify_signature(text(delivery), signature, at)


@judge("slack", library="slack-sdk")
def slack(delivery: Delivery, secret: str) -> object:
    from slack_sdk.signature import SignatureVerifier

    return SignatureVerifier(secret).is_valid_request(delivery.body, dict(delivery.headers))


@judge("discord", library="discord-interactions")
def discord(delivery: Delivery, secret: str) -> object:
    from discord_interactions import verify_key

    # The secret that signs is both halves of the key; the public one comes second.
    signature, at = header(delivery, "x-signature-ed25519"), header(delivery, "x-signature-timestamp")
    return verify_key(delivery.body, signature, at, secret[64:])


@judge("telnyx", library="telnyx", refuses="ValueError")
def telnyx(delivery: Delivery, secret: str) -> object:
    from telnyx import Telnyx

    public = base64.b64encode(base64.b64decode(secret)[32:]).decode()
    return Telnyx(api_key="x").webhooks.unwrap(text(delivery), headers=dict(delivery.headers), key=public)


@judge("messagebird", library="messagebird", refuses="ValidationError")
def messagebird(delivery: Delivery, secret: str) -> object:
    from messagebird.request_validator import RequestValidator

    token = header(delivery, "messagebird-signature-jwt")
    return RequestValidator(secret).validate_signature(token, delivery.url, delivery.body)


# It does not look at the body's hash.
@judge("vonage", library="vonage-jwt", change=cut("authorization"))
def vonage(delivery: Delivery, secret: str) -> object:
    from vonage_jwt import verify_signature

    return verify_signature(header(delivery, "authorization").removeprefix("Bearer "), secret)


@judge("line", library="line-bot-sdk")
def line(delivery: Delivery, secret: str) -> object:
    from linebot.v3.webhook import SignatureValidator

    return SignatureValidator(secret).validate(text(delivery), header(delivery, "x-line-signature"))


# The time and the token are all that is signed.
@judge("mailgun", library="mailgun", change=swapped('"token":"', '"token":"f'))
def mailgun(delivery: Delivery, secret: str) -> object:
    from mailgun.security import SecurityGuard

    signed = json.loads(delivery.body)["signature"]
    return SecurityGuard.verify_webhook(secret, signed["token"], signed["timestamp"], signed["signature"])


# Everything else.


@judge("github", library="gidgethub", refuses="ValidationFailure")
def github(delivery: Delivery, secret: str) -> object:
    from gidgethub.sansio import validate_event

    return validate_event(delivery.body, signature=header(delivery, "x-hub-signature-256"), secret=secret)


def _hubspot(version: str, name: str) -> Verify:
    def verify(delivery: Delivery, secret: str) -> object:
        from hubspot.utils.signature import Signature

        at = delivery.headers.one("x-hubspot-request-timestamp")
        signature = header(delivery, name)
        return Signature.is_valid(signature, secret, text(delivery), delivery.url, "POST", version, at)

    return verify


judge("hubspot", library="hubspot-api-client")(_hubspot("v3", "x-hubspot-signature-v3"))
judge("hubspot-v1", library="hubspot-api-client")(_hubspot("v1", "x-hubspot-signature"))
judge("hubspot-v2", library="hubspot-api-client")(_hubspot("v2", "x-hubspot-signature"))


@judge("elevenlabs", library="elevenlabs", refuses="BadRequestError")
def elevenlabs(delivery: Delivery, secret: str) -> object:
    from elevenlabs.client import ElevenLabs

    signature = header(delivery, "elevenlabs-signature")
    return ElevenLabs(api_key="x").webhooks.construct_event(text(delivery), signature, secret)


@judge("onfido", library="onfido-python", refuses="OnfidoInvalidSignatureError")
def onfido(delivery: Delivery, secret: str) -> object:
    from onfido import WebhookEventVerifier

    return WebhookEventVerifier(secret).read_payload(text(delivery), header(delivery, "x-sha2-signature"))


@judge("box", library="boxsdk")
def box(delivery: Delivery, secret: str) -> object:
    from box_sdk_gen.managers.webhooks import WebhooksManager

    return WebhooksManager.validate_message(text(delivery), dict(delivery.headers), secret)


@judge("workos", library="workos", refuses="ValueError")
def workos(delivery: Delivery, secret: str) -> object:
    from workos import WorkOSClient

    return WorkOSClient(api_key="x", client_id="y").webhooks.verify_event(
        event_body=delivery.body, event_signature=header(delivery, "workos-signature"), secret=secret
    )


@judge("easypost", library="easypost", refuses="SignatureVerificationError")
def easypost(delivery: Delivery, secret: str) -> object:
    from easypost.util import validate_webhook

    return validate_webhook(delivery.body, {"X-Hmac-Signature": header(delivery, "x-hmac-signature")}, secret)


# The time and the type are all that is signed.
@judge("dropbox-sign", library="dropbox-sign", change=swapped('"event_time":"1', '"event_time":"2'))
def dropbox_sign(delivery: Delivery, secret: str) -> object:
    from dropbox_sign import EventCallbackHelper, models

    boundary = b"--" + header(delivery, "content-type").partition("boundary=")[2].encode()
    (part,) = delivery.body.split(boundary)[1:-1]
    event = models.EventCallbackRequest.init(json.loads(part.partition(b"\r\n\r\n")[2]))
    return EventCallbackHelper.is_valid(secret, event)


# Pub/Sub signs no body.
@judge("google-pubsub", library="google-auth", refuses="MalformedError", change=cut("authorization"))
def google_pubsub(delivery: Delivery, secret: str) -> object:
    from google.auth import jwt

    token = header(delivery, "authorization").removeprefix("Bearer ")
    audience = delivery.url.partition("?")[0]
    claims = jwt.decode(token, certs={"key-1": public_pem(rsa_key())}, audience=audience)
    # As Google's sample does: whose token it is, the library leaves to its caller.
    return claims["email"] == secret and claims["email_verified"]
