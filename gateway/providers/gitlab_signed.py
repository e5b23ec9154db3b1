"""
GitLab's webhooks with a signing token, https://docs.gitlab.com/user/project/integrations/webhooks/

A job or a pipeline that failed can be run again under the same id.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.standard import standard_webhooks

_SCHEME = standard_webhooks()

GITLAB_SIGNED = Provider(
    name="gitlab-signed",
    title="GitLab (signing token)",
    documentation="https://docs.gitlab.com/user/project/integrations/webhooks/",
    secrets_from="the webhook's signing token",
    quirks=(
        "after four failures in a row the webhook rests, a minute at first and a day at most; after 40 it is "
        "switched off",
    ),
    scheme=_SCHEME,
    reader=FieldReader(
        # pipeline.success, build.failed, deployment.success, merge_request.merge, push
        type=at(
            "object_kind+object_attributes.action|object_kind+object_attributes.status"
            "|object_kind+build_status|object_kind+status|object_kind"
        ),
        id=at("header:webhook-id"),
        reason=at("build_failure_reason|object_attributes.detailed_status|object_attributes.status"),
        references=(at("object_attributes.variables.*.value"),),
        objects=(at("object_attributes.id"), at("build_id"), at("deployment_id")),
        covered_headers=_SCHEME.covered_headers,
    ),
    covers="body",
    url="account",
    succeed_on=("pipeline.success", "build.success", "deployment.success", "merge_request.merge"),
    fail_on_optional=("pipeline.failed", "pipeline.canceled", "build.failed", "deployment.failed"),
    deadline=timedelta(seconds=10),
    reference_field="object_attributes.variables.*.value",
    experimental="whether the signing token is out from behind its feature flag",
    unconfirmed=(
        "the signing token: it is known from the change that brought it in, behind a feature flag",
        "a pipeline's variables come with its event",
        "whether a delivery is repeated",
    ),
)
