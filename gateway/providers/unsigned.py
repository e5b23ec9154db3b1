"""
A sender that signs nothing: the callback's URL is the only proof.

Whoever has seen the URL can complete the callback, and a repeated delivery can't be told from a new one.
"""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.unsigned import Unsigned

UNSIGNED = Provider(
    name="unsigned",
    title="Unsigned",
    # What a sender without a signature could adopt.
    documentation="https://www.standardwebhooks.com/",
    scheme=Unsigned(),
    reader=FieldReader(
        type=at("type|text:event"),
        reason=at("reason|message"),
        body="any",
        covered="nothing",
    ),
    covers="nothing",
    verified="notification",
    url="request",
    succeed_on=("*",),
    media_types=(),
)
