"""
Linear, https://linear.app/developers/webhooks

The time that counts is in the signed body. The delivery's id is in a header that is not signed, so type,
object and time of the change stand for it.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.timestamp import BodyTime, Timestamp

LINEAR = Provider(
    name="linear",
    title="Linear",
    documentation="https://linear.app/developers/webhooks",
    secrets_from="the webhook's signing secret, in the settings under API, at the webhook",
    scheme=HeaderScheme(
        header="linear-signature",
        algorithms=(("", Hmac()),),
        # A minute is what its SDK allows.
        timestamp=Timestamp(source=BodyTime(("webhookTimestamp",)), unit="ms", past=60, future=60),
    ),
    reader=FieldReader(
        # Issue.update.completed, Comment.create, AgentSessionEvent.created
        type=at("type+action+data.state.type|type+action"),
        id=at("type+action+data.id+createdAt|header:linear-delivery"),
        time=at("createdAt"),
        reason=at("data.state.name"),
        objects=(at("data.id"), at("data.identifier"), at("data.issueId"), at("agentSession.id")),
    ),
    covers="body",
    url="account",
    succeed_on=("Issue.update.completed",),
    # An issue can be opened again.
    fail_on_optional=("Issue.update.canceled", "Issue.remove*"),
    deadline=timedelta(seconds=5),
    # After a minute, an hour, six hours.
    retries_for=timedelta(hours=8),
    unconfirmed=(
        "the time limit of an answer, and when a delivery is repeated",
        "that a repeat has a new webhookTimestamp",
    ),
)
