"""
Google Cloud Pub/Sub push, https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions

A token of Google's says who sends and to which URL, nothing of the message, and counts for an hour. The
source's secret is the e-mail of the service account that the subscription is configured with; its audience
is the URL that is pushed to, which is the default.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.jwt import JwkSet, JwtScheme

GOOGLE_PUBSUB = Provider(
    name="google-pubsub",
    title="Google Pub/Sub",
    documentation="https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions",
    quirks=("the push subscription needs authentication, with that service account",),
    scheme=JwtScheme(
        header="authorization",
        prefix="Bearer ",
        algorithms=("RS256",),
        published=JwkSet("https://www.googleapis.com/oauth2/v3/certs"),
        issuers=("https://accounts.google.com", "accounts.google.com"),
        subject="email",
        demands=(("email_verified", True),),
        audience=True,
        max_age=None,
        key_form=KeyForm(
            pattern=r"[^@\s]+@[^@\s]+",
            hint="the e-mail of the subscription's service account is needed",
        ),
    ),
    reader=FieldReader(
        type=at("message.attributes.type|message.attributes.eventType|text:message+has:message"),
        id=at("message.messageId"),
        time=at("message.publishTime"),
        reason=at("message.attributes.reason"),
        references=(at("message.attributes.reference"),),
        objects=(at("message.attributes.objectId"), at("message.orderingKey")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="both",
    succeed_on=(),
    # Until the acknowledgement deadline of the subscription, 10 s at least.
    deadline=timedelta(seconds=10),
    retries_for=timedelta(days=7),
    reference_field="message.attributes.reference",
)
