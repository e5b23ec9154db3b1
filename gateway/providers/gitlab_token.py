"""
GitLab's webhooks with a secret token, https://docs.gitlab.com/user/project/integrations/webhooks/

Nothing is signed: the token comes along with each delivery.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InHeader, TokenScheme

GITLAB_TOKEN = Provider(
    name="gitlab-token",
    title="GitLab (secret token)",
    documentation="https://docs.gitlab.com/user/project/integrations/webhooks/",
    secrets_from="the webhook's secret token: a text of your choice, given where the webhook is made",
    quirks=(
        "after four failures in a row the webhook rests, a minute at first and a day at most; after 40 it is "
        "switched off",
    ),
    scheme=TokenScheme(place=InHeader("x-gitlab-token")),
    reader=FieldReader(
        # pipeline.success, deployment.failed, build.success, merge_request.merge, push
        type=at(
            "object_kind+object_attributes.status|object_kind+build_status|object_kind+status"
            "|object_kind+object_attributes.action|object_kind|event_name"
        ),
        id=at("header:idempotency-key|header:webhook-id"),
        time=at("status_changed_at"),
        reason=at("object_attributes.detailed_status|status|build_failure_reason"),
        # A variable that the pipeline was started with.
        references=(at("object_attributes.variables.*.value"),),
        objects=(at("object_attributes.id"), at("deployment_id"), at("build_id")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="account",
    succeed_on=("pipeline.success", "deployment.success"),
    # Jobs can be run again, in the same pipeline.
    fail_on_optional=("pipeline.failed", "pipeline.canceled", "deployment.failed", "deployment.canceled"),
    reference_field="object_attributes.variables.*.value",
    deadline=timedelta(seconds=10),
    unconfirmed=(
        "an event is not repeated",
        "variables of a pipeline come with its events",
    ),
)
