"""
Dropbox, https://www.dropbox.com/developers/reference/webhooks

A delivery says whose files have changed and nothing else, in the same words each time, and without a
time: a notification to look.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.handshakes import Echo, InQuery, Registration
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import Hmac, KeyForm
from gateway.providers.signatures.scheme import HeaderScheme

_KEY = KeyForm(hint="the app's secret is needed")

DROPBOX = Provider(
    name="dropbox",
    title="Dropbox",
    documentation="https://www.dropbox.com/developers/reference/webhooks",
    scheme=HeaderScheme(header="x-dropbox-signature", algorithms=(("", Hmac(key_form=_KEY)),)),
    reader=FieldReader(type=at("text:list_folder"), objects=(at("list_folder.accounts.*"),), recurs=True),
    covers="body",
    verified="notification",
    url="account",
    succeed_on=("list_folder",),
    handshakes=(Registration(asked=InQuery("challenge"), reply=Echo(), method="GET", signed=False),),
    deadline=timedelta(seconds=10),
    retries_for=timedelta(minutes=10),
    unconfirmed=("for how long a delivery is repeated",),
)
