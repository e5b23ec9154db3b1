"""
GitHub, https://docs.github.com/en/webhooks

The event's name and id come in headers that are not signed, so a captured delivery can be sent again
under another name: `action` and the conclusion, which are in the body, can't be changed.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

#: The first that is there: a deployment's status may bring the workflow run that made it.
_RESULTS = (
    "deployment_status.state",
    "workflow_run.conclusion",
    "workflow_job.conclusion",
    "check_run.conclusion",
    "check_suite.conclusion",
)

GITHUB = Provider(
    name="github",
    title="GitHub",
    documentation="https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
    secrets_from=(
        "a text of your choice, given where the webhook is made (Settings, Webhooks); it is not shown again"
    ),
    quirks=("nothing is repeated by itself: what was missed has to be redelivered by hand or by its API",),
    # X-Hub-Signature beside it is SHA-1 and not looked at.
    scheme=HeaderScheme(header="x-hub-signature-256", grammar=Whole("sha256="), algorithms=(("", Hmac()),)),
    reader=FieldReader(
        body="json or form",
        payload="payload",
        # workflow_run.completed.success, pull_request.closed, push
        type=at(
            "|".join(
                [
                    *(f"header:x-github-event+action?+{path}" for path in _RESULTS),
                    "header:x-github-event+action?",
                ]
            )
        ),
        id=at("header:x-github-delivery"),
        time=at("deployment_status.updated_at|workflow_run.updated_at|check_run.completed_at"),
        reason=at("deployment_status.description|check_run.output.title|" + "|".join(_RESULTS)),
        references=(
            at("client_payload.reference"),
            at("deployment.payload.reference"),
            at("check_run.external_id"),
        ),
        objects=tuple(
            at(f"{name}.id")
            for name in (
                "workflow_run",
                "workflow_job",
                "check_run",
                "check_suite",
                "deployment",
                "pull_request",
            )
        ),
    ),
    covers="body",
    url="account",
    succeed_on=(
        "workflow_run.completed.success",
        "check_run.completed.success",
        "check_suite.completed.success",
        "deployment_status.created.success",
    ),
    # None is irreversible: a run can be started again under the same id.
    fail_on_optional=(
        "workflow_run.completed.*",
        "check_run.completed.*",
        "check_suite.completed.*",
        "deployment_status.created.failure",
        "deployment_status.created.error",
    ),
    media_types=("application/json", FORM),
    deadline=timedelta(seconds=10),
    retries_for=timedelta(),
    reference_field="client_payload.reference",
    unconfirmed=(
        "a redelivery by hand keeps X-GitHub-Delivery",
        "client_payload, a deployment's payload and a check run's external_id come back as they were sent",
    ),
)
