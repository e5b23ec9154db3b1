"""
AssemblyAI, https://www.assemblyai.com/docs/deployment/webhooks

Nothing is signed: a header that each request names comes along. Here it is X-Webhook-Token, with the source's
secret: `webhook_auth_header_name` and `webhook_auth_header_value`. The delivery holds an id and a state; the
transcript has to be fetched.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader, TokenScheme

ASSEMBLYAI = Provider(
    name="assemblyai",
    title="AssemblyAI",
    documentation="https://assemblyai.com/docs/pre-recorded-audio/webhooks",
    secrets_from=(
        "a text of your choice, which each request gives as webhook_auth_header_value, with "
        "X-Webhook-Token as webhook_auth_header_name"
    ),
    quirks=("any 4xx is final",),
    scheme=TokenScheme(place=InHeader("x-webhook-token")),
    reader=FieldReader(
        type=at("status"),
        id=at("transcript_id+status"),
        reason=at("error|status"),
        objects=(at("transcript_id"),),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="request",
    succeed_on=("completed",),
    fail_on=("error",),
    deadline=timedelta(seconds=10),
    # Ten times, ten seconds apart; any 4xx is final.
    retries_for=timedelta(minutes=2),
)
