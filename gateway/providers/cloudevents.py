"""
CloudEvents over HTTP, https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md

Nothing is signed: the sender shows a bearer token. Azure Event Grid's CloudEvents schema comes this way.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.handshakes import AllowOrigin, InHeader, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader as Token
from gateway.providers.signatures.token import TokenScheme

CLOUDEVENTS = Provider(
    name="cloudevents",
    title="CloudEvents",
    documentation="https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
    secrets_from="the token that the sender gives in Authorization, without the word Bearer",
    scheme=TokenScheme(place=Token("authorization", "Bearer ")),
    reader=FieldReader(
        body="any",
        # In headers, or all in the body.
        type=at("header:ce-type|type"),
        id=at("header:ce-source+header:ce-id|source+id"),
        time=at("header:ce-time|time"),
        reason=at("data.reason|reason"),
        references=(at("subject"), at("header:ce-subject")),
        objects=(at("data.id"),),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="both",
    succeed_on=(),
    media_types=(),
    handshakes=(
        Registration(
            asked=InHeader("webhook-request-origin"), reply=AllowOrigin(), method="OPTIONS", signed=False
        ),
    ),
    reference_field="subject",
)
