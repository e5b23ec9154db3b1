"""
Jira Cloud's webhooks that an administrator registers, with a secret:
https://developer.atlassian.com/cloud/jira/platform/webhooks/

Not those of Connect and OAuth apps, which are not signed this way. Our reference is a label of the issue.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

JIRA = Provider(
    name="jira",
    title="Jira Cloud",
    documentation="https://developer.atlassian.com/cloud/jira/platform/webhooks/",
    secrets_from="the webhook's secret, given or generated where the webhook is made",
    scheme=HeaderScheme(header="x-hub-signature", grammar=Whole("sha256="), algorithms=(("", Hmac()),)),
    reader=FieldReader(
        # jira:issue_updated.done, jira:issue_deleted.new, comment_created.indeterminate
        type=at("webhookEvent+issue.fields.status.statusCategory.key|webhookEvent"),
        id=at("header:x-atlassian-webhook-identifier"),
        reason=at("issue.fields.resolution.name|issue.fields.status.name"),
        references=(at("issue.fields.labels.*"),),
        objects=(at("issue.key"), at("issue.id")),
    ),
    covers="body",
    url="account",
    succeed_on=("jira:issue_updated.done",),
    fail_on=("jira:issue_deleted*",),
    # Five retries, 5 to 15 minutes apart.
    retries_for=timedelta(hours=2),
    reference_field="issue.fields.labels.*",
    reference_max=255,
    unconfirmed=(
        "a repeat keeps X-Atlassian-Webhook-Identifier",
        "when a delivery is repeated, and the time limit of an answer",
        "a label holds 255 characters",
    ),
)
