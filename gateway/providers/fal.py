"""
fal.ai, https://docs.fal.ai/model-apis/model-endpoints/webhooks

Signed with keys that fal publishes, the same for everybody: the source's secret is the account's user id,
which is signed as well.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fetch import Fetch
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.published import PublishedScheme
from gateway.providers.signatures.template import BodyHash, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

_REQUEST, _USER = Header("x-fal-webhook-request-id"), Header("x-fal-webhook-user-id")
_STAMP = Header("x-fal-webhook-timestamp")

FAL = Provider(
    name="fal",
    title="fal.ai",
    documentation="https://docs.fal.ai/model-apis/model-endpoints/webhooks",
    scheme=PublishedScheme(
        header="x-fal-webhook-signature",
        keys=Fetch("https://rest.alpha.fal.ai/.well-known/jwks.json", timedelta(hours=24)),
        owner=_USER,
        template=Template.of(_REQUEST, "\n", _USER, "\n", _STAMP, "\n", BodyHash()),
        timestamp=Timestamp(source=_STAMP),
        key_form=KeyForm(hint="the account's user id is needed, as X-Fal-Webhook-User-Id shows it"),
    ),
    reader=FieldReader(
        type=at("status"),
        id=at("header:x-fal-webhook-request-id"),
        reason=at("error|payload_error"),
        objects=(at("request_id"), at("gateway_request_id")),
        covered_headers=frozenset({_REQUEST.name, _USER.name, _STAMP.name}),
    ),
    covers="body",
    url="request",
    succeed_on=("OK",),
    fail_on=("ERROR",),
    deadline=timedelta(seconds=15),
    retries_for=timedelta(hours=2),
    unconfirmed=("how long fal waits for an answer",),
)
