"""
Microsoft Graph's change notifications, https://learn.microsoft.com/graph/change-notifications-overview

Nothing is signed: each notification carries the `clientState` that the subscription was made with, which is
the source's secret.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.delivery import Answer
from gateway.providers.base import Provider, Responses
from gateway.providers.fields import at
from gateway.providers.handshakes import Echo, InQuery, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InItems, TokenScheme

MS_GRAPH = Provider(
    name="ms-graph",
    title="Microsoft Graph",
    documentation="https://learn.microsoft.com/graph/change-notifications-delivery-webhooks",
    secrets_from="a text of your choice, given as the subscription's clientState",
    scheme=TokenScheme(place=InItems(("value",), ("clientState",))),
    reader=FieldReader(
        items="value",
        type=at("changeType|lifecycleEvent"),
        objects=(at("subscriptionId"), at("resource"), at("resourceData.id")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="request",
    succeed_on=(),
    # The question at registration comes as text.
    media_types=("application/json", "text/plain"),
    handshakes=(Registration(asked=InQuery("validationToken"), reply=Echo(), signed=False),),
    responses=Responses(accepted=Answer(202), pending=Answer(202)),
    deadline=timedelta(seconds=3),
    retries_for=timedelta(hours=4),
    unconfirmed=("whether a notification that is repeated can be told from a second one",),
)
