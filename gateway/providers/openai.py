"""
OpenAI, https://platform.openai.com/docs/guides/webhooks

An event names an object by its id and brings nothing of it, so an alias has to lead to the callback.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks()

OPENAI = Provider(
    name="openai",
    title="OpenAI",
    documentation="https://platform.openai.com/docs/guides/webhooks",
    secrets_from="shown once, when the webhook is made in the project's settings",
    scheme=_SCHEME,
    reader=FieldReader(
        type=at("type"),
        id=at("header:webhook-id"),
        objects=(at("data.id"),),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    succeed_on=(
        "response.completed",
        "batch.completed",
        "fine_tuning.job.succeeded",
        "eval.run.succeeded",
    ),
    fail_on=(
        "response.failed",
        "response.cancelled",
        "response.incomplete",
        "batch.failed",
        "batch.cancelled",
        "batch.expired",
        "fine_tuning.job.failed",
        "fine_tuning.job.cancelled",
        "eval.run.failed",
        "eval.run.canceled",
    ),
    # A session that failed can be gone on with.
    fail_on_optional=("agent.session.failed",),
    retries_for=timedelta(hours=72),
    unconfirmed=("a delivery is repeated for 72 hours",),
)
