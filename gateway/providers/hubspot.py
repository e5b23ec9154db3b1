"""
HubSpot, https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide

Three ways of signing, and a source says by its provider which one it takes: `hubspot` is the newest, with
a time in it; `hubspot-v1` and `hubspot-v2` are for what still sends only those, and can be repeated for ever.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm, KeyThenText
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Header, IssuedUrl, Method, Template
from gateway.providers.signatures.timestamp import Timestamp

_KEY = KeyForm(hint="the app's client secret is needed")
_STAMP = Header("x-hubspot-request-timestamp")
_DOCUMENTATION = (
    "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation"
)
_BATCH = FieldReader(
    items="",
    # deal.propertyChange.dealstage.closedwon, contact.creation
    type=at(
        "subscriptionType+propertyName=dealstage+propertyValue|subscriptionType+propertyName|subscriptionType"
    ),
    # An event's number can come again later.
    id=at("eventId+occurredAt|eventId"),
    objects=(at("objectId"),),
)
_URL = "the URL is signed too: register it exactly as the gateway gives it"
_UNCONFIRMED = (
    "the time limit of an answer, and that a delivery is repeated for 24 hours",
    "that percent signs in a signed URL are written as they were sent: our URLs have none",
)

HUBSPOT = Provider(
    name="hubspot",
    title="HubSpot",
    documentation=_DOCUMENTATION,
    quirks=(
        "HubSpot signs in three ways: hubspot-v1 and hubspot-v2 are for the two others, which have "
        "no time in them",
        _URL,
    ),
    scheme=HeaderScheme(
        header="x-hubspot-signature-v3",
        algorithms=(("", Hmac(encoding="base64", key_form=_KEY)),),
        # A body is a whole JSON text and a time has thirteen digits: nothing can be moved between them.
        templates=(Template.of(Method(), IssuedUrl(), Body(), _STAMP),),
        timestamp=Timestamp(source=_STAMP, unit="ms"),
    ),
    reader=_BATCH,
    covers="body",
    url="account",
    succeed_on=("deal.propertyChange.dealstage.closedwon",),
    fail_on_optional=("deal.propertyChange.dealstage.closedlost",),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(hours=24),
    unconfirmed=_UNCONFIRMED,
)

HUBSPOT_V1 = Provider(
    name="hubspot-v1",
    title="HubSpot (signature v1)",
    documentation=_DOCUMENTATION,
    scheme=HeaderScheme(header="x-hubspot-signature", algorithms=(("", KeyThenText(key_form=_KEY)),)),
    reader=_BATCH,
    covers="body",
    url="account",
    succeed_on=("deal.propertyChange.dealstage.closedwon",),
    fail_on_optional=("deal.propertyChange.dealstage.closedlost",),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(hours=24),
    unconfirmed=_UNCONFIRMED,
)

HUBSPOT_V2 = Provider(
    name="hubspot-v2",
    title="HubSpot (workflow actions, signature v2)",
    documentation=_DOCUMENTATION,
    quirks=(_URL,),
    scheme=HeaderScheme(
        header="x-hubspot-signature",
        algorithms=(("", KeyThenText(key_form=_KEY)),),
        templates=(Template.of(Method(), IssuedUrl(), Body()),),
    ),
    # A workflow's custom action: what it brings is the workflow's own matter.
    reader=FieldReader(
        type=at("inputFields.type|text:action"),
        id=at("callbackId"),
        reason=at("inputFields.reason"),
        references=(at("inputFields.reference"),),
        objects=(at("object.objectId"), at("callbackId")),
    ),
    covers="body",
    url="account",
    succeed_on=("action",),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(hours=24),
    reference_field="inputFields.reference",
    unconfirmed=_UNCONFIRMED,
)
