"""
Auth0's log streams, https://auth0.com/docs/customize/log-streams/custom-log-streams

Nothing is signed: the authorization token of the stream comes along.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader, TokenScheme

AUTH0 = Provider(
    name="auth0",
    title="Auth0",
    documentation="https://auth0.com/docs/customize/log-streams/custom-log-streams",
    secrets_from="a text of your choice, given as the log stream's authorization token",
    scheme=TokenScheme(place=InHeader("authorization")),
    reader=FieldReader(
        items="",
        # A code of two or three letters: "ss" is a sign-up, "s" a login.
        type=at("data.type"),
        id=at("log_id"),
        time=at("data.date"),
        reason=at("data.description"),
        # Nothing of ours travels along: a callback is found by the user's id or e-mail, as an alias.
        objects=(at("data.user_id"), at("data.user_name")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="account",
    succeed_on=("ss", "sv"),
    fail_on=("fs",),
    unconfirmed=("how often and over how long a delivery is repeated",),
)
