"""
Intercom, https://developers.intercom.com/docs/webhooks

Signed with HMAC-SHA1, which does not rest on what SHA-1 lacks. A 410 switches the webhook off.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.grammar import Whole
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the app's client secret is needed")

INTERCOM = Provider(
    name="intercom",
    title="Intercom",
    documentation="https://developers.intercom.com/docs/webhooks/setting-up-webhooks",
    scheme=HeaderScheme(
        header="x-hub-signature",
        grammar=Whole("sha1="),
        algorithms=(("", Hmac(hash="sha1", key_form=_KEY)),),
    ),
    reader=FieldReader(
        type=at("topic"),
        id=at("id"),
        references=(
            at("data.item.custom_attributes.reference"),
            at("data.item.ticket.custom_attributes.reference"),
        ),
        objects=(at("data.item.id"), at("data.item.external_id")),
    ),
    covers="body",
    url="account",
    # A test, with the topic ping, is filtered as any other event.
    succeed_on=("conversation.admin.closed", "ticket.closed"),
    fail_on=("conversation.deleted",),
    deadline=timedelta(seconds=5),
    retries_for=timedelta(hours=1),
    reference_field="data.item.custom_attributes.reference",
    unconfirmed=(
        "custom attributes come with an event",
        "how often and when a delivery is repeated",
        "that a 410 switches the webhook off",
        "that the URL is asked with HEAD when it is saved",
    ),
)
