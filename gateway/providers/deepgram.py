"""
Deepgram's callbacks, https://developers.deepgram.com/docs/callback

Nothing is signed: the id of the API key comes along, which is no secret of high grade. The callback's own URL
is the better proof.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.token import InHeader, TokenScheme

DEEPGRAM = Provider(
    name="deepgram",
    title="Deepgram",
    documentation="https://developers.deepgram.com/docs/callback",
    quirks=("the URL's port has to be 80, 443, 8080 or 8443",),
    scheme=TokenScheme(
        place=InHeader("dg-token"), key_form=KeyForm(hint="the id of the API key is needed, not the key")
    ),
    reader=FieldReader(
        type=at("text:failed+has:err_code|text:completed+has:metadata.request_id"),
        id=at("metadata.request_id|request_id"),
        time=at("metadata.created"),
        reason=at("err_msg|err_code"),
        objects=(at("metadata.request_id"), at("request_id")),
        covered="sender",
    ),
    covers="nothing",
    verified="notification",
    url="request",
    succeed_on=("completed",),
    fail_on=("failed",),
    # Ten times, 30 seconds apart.
    retries_for=timedelta(minutes=6),
    unconfirmed=("what a transcription that failed sends: err_code, err_msg, request_id",),
)
