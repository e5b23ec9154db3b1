"""
Anthropic's managed agents (beta), https://platform.claude.com/docs/en/managed-agents/webhooks

An event names an object by its id and brings nothing of it, so an alias has to lead to the callback.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks()

ANTHROPIC = Provider(
    name="anthropic",
    title="Anthropic",
    documentation="https://platform.claude.com/docs/en/managed-agents/webhooks",
    scheme=_SCHEME,
    reader=FieldReader(
        # `type` beside `data` is always "event".
        type=at("data.type"),
        id=at("header:webhook-id"),
        time=at("created_at"),
        objects=(at("data.id"), at("data.session_id")),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    succeed_on=("session.status_idled", "session.outcome_evaluation_ended", "deployment_run.succeeded"),
    fail_on=("session.status_terminated", "session.deleted", "deployment_run.failed"),
    experimental="which header carries the signature: its SDK verifies webhook-signature, in beta",
    unconfirmed=(
        "the signature's header: another page says X-Webhook-Signature",
        "where the event's type stands, and the names of the events",
        "the time limit of an answer, and how long a delivery is repeated",
    ),
)
