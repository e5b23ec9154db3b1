"""Onfido, https://documentation.onfido.com/getting-started/webhooks"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the webhook's token is needed, not an API token")

ONFIDO = Provider(
    name="onfido",
    title="Onfido",
    documentation="https://documentation.onfido.com/api/latest/#webhooks",
    scheme=HeaderScheme(header="x-sha2-signature", algorithms=(("", Hmac(key_form=_KEY)),)),
    reader=FieldReader(
        # workflow_run.completed.approved, check.completed
        type=at("payload.action=workflow_run.completed+payload.object.status|payload.action"),
        id=at(
            "payload.action+payload.object.id+payload.object.completed_at_iso8601"
            "|payload.action+payload.object.id"
        ),
        time=at("payload.object.completed_at_iso8601"),
        reason=at("payload.resource.reasons.0|payload.resource.error.message|payload.object.status"),
        references=(at("payload.resource.customer_user_id"), at("payload.resource.tags.*")),
        objects=(
            at("payload.object.id"),
            at("payload.object.workflow_run_id"),
            at("payload.resource.applicant_id"),
        ),
    ),
    covers="body",
    url="account",
    # A check that is completed may be clear or not: its result is asked for.
    succeed_on=("workflow_run.completed.approved", "check.completed"),
    # A run in review is decided later.
    fail_on=(
        "workflow_run.completed.declined",
        "workflow_run.completed.abandoned",
        "workflow_run.completed.error",
    ),
    deadline=timedelta(seconds=10),
    retries_for=timedelta(hours=6),
    reference_field="payload.resource.customer_user_id",
    unconfirmed=(
        "a run's status is its result, and its customer_user_id and tags come with its event",
        "ten seconds for an answer, and that a delivery is repeated for six hours",
    ),
)
