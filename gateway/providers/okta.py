"""
Okta's event hooks, https://developer.okta.com/docs/concepts/event-hooks/

Nothing is signed: a header that the hook is configured with comes along, `Authorization` here.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.handshakes import EchoAs, InHeader, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader as Token
from gateway.providers.signatures.token import TokenScheme

OKTA = Provider(
    name="okta",
    title="Okta",
    documentation="https://developer.okta.com/docs/concepts/event-hooks/",
    secrets_from=(
        "a text of your choice, given as the event hook's authentication secret, with "
        "Authorization as its field"
    ),
    scheme=TokenScheme(place=Token("authorization")),
    reader=FieldReader(
        items="data.events",
        type=at("eventType+outcome.result?"),
        id=at("uuid"),
        time=at("published"),
        reason=at("outcome.reason|displayMessage"),
        # Nothing of ours travels along: a callback is found by the user's id, as an alias.
        objects=(at("target.*.id"), at("transaction.id")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="account",
    succeed_on=("user.lifecycle.activate.SUCCESS",),
    fail_on=("user.lifecycle.delete.completed.SUCCESS",),
    handshakes=(
        Registration(
            asked=InHeader("x-okta-verification-challenge"),
            reply=EchoAs("verification"),
            method="GET",
            signed=False,
        ),
    ),
    deadline=timedelta(seconds=3),
    # Once more at most.
    retries_for=timedelta(minutes=5),
    unconfirmed=("the name of the event of a user that is deleted",),
)
