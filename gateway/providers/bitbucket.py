"""
Bitbucket Cloud, https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/

The event's name and id come in headers that are not signed; state and key are in the body.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

BITBUCKET = Provider(
    name="bitbucket",
    title="Bitbucket Cloud",
    documentation="https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
    secrets_from="the webhook's secret, given or generated where the webhook is made",
    scheme=HeaderScheme(header="x-hub-signature", grammar=Whole("sha256="), algorithms=(("", Hmac()),)),
    reader=FieldReader(
        # repo:commit_status_updated.SUCCESSFUL, pullrequest:fulfilled.MERGED, repo:push
        type=at(
            "header:x-event-key+commit_status.state|header:x-event-key+pullrequest.state|header:x-event-key"
        ),
        id=at("header:x-request-uuid"),
        time=at("commit_status.updated_on|pullrequest.updated_on"),
        reason=at("commit_status.description|pullrequest.reason"),
        references=(at("commit_status.key"),),
        objects=(at("commit_status.links.self.href"), at("pullrequest.links.html.href")),
    ),
    covers="body",
    url="account",
    succeed_on=(
        "repo:commit_status_created.SUCCESSFUL",
        "repo:commit_status_updated.SUCCESSFUL",
        "pullrequest:fulfilled.MERGED",
    ),
    fail_on=("pullrequest:rejected.DECLINED",),
    # A build of the same key can be run again.
    fail_on_optional=("repo:commit_status_updated.FAILED", "repo:commit_status_updated.STOPPED"),
    deadline=timedelta(seconds=10),
    reference_field="commit_status.key",
    reference_max=40,
    unconfirmed=(
        "a build status's key holds 40 characters",
        "the time limit of an answer, and that a failed delivery is repeated twice",
        "that a declined pull request cannot be opened again",
    ),
)
