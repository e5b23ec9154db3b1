"""
Azure Event Grid in its own schema, https://learn.microsoft.com/azure/event-grid/receive-events

Nothing is signed: the source's secret stands in the query of the URL that is subscribed, `?token=…`. For its
CloudEvents schema there is the provider `cloudevents`.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.handshakes import EchoAs, InBody, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InQuery, TokenScheme

_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"

AZURE_EVENT_GRID = Provider(
    name="azure-event-grid",
    title="Azure Event Grid",
    documentation="https://learn.microsoft.com/azure/event-grid/receive-events",
    secrets_from="a text of your choice, which stands behind ?token= in the URL that is subscribed",
    scheme=TokenScheme(place=InQuery("token")),
    reader=FieldReader(
        items="",
        type=at("eventType"),
        id=at("id"),
        time=at("eventTime"),
        reason=at("data.error.message|data.status"),
        references=(at("data.reference"),),
        objects=(at("subject"),),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="both",
    succeed_on=(),
    handshakes=(
        Registration(
            asked=InBody(("*", "data", "validationCode"), where=(("*", "eventType"), _VALIDATION)),
            reply=EchoAs("validationResponse"),
        ),
    ),
    deadline=timedelta(seconds=30),
    retries_for=timedelta(hours=24),
    reference_field="data.reference",
    unconfirmed=("how long Event Grid waits for an answer and repeats",),
)
