"""
What others have published: their secret, their delivery, their signature.

`at` is when a delivery was signed, where no header says it in seconds; `again` is false where the one
signature that we would write is not all that there is, or is spelled in another way; `answer` is what a
handshake has to be answered. `fetched` is what had to be fetched, a certificate.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.providers.signatures.items import ItemScheme
from gateway.secret import Secret
from tests.providers.samples import VECTORS, body_of

VECTORS_OF = [
    (path.stem, vector) for path in sorted(VECTORS.glob("*.json")) for vector in json.loads(path.read_text())
]
HANDSHAKES = [pytest.param(*found, id=found[1]["name"]) for found in VECTORS_OF if "answer" in found[1]]
ALL = [pytest.param(*found, id=found[1]["name"]) for found in VECTORS_OF if "answer" not in found[1]]
VALID = [
    pytest.param(name, vector, id=vector["name"])
    for name, vector in VECTORS_OF
    if vector["valid"] and vector.get("again", "answer" not in vector)
]


def delivered(vector: dict[str, Any]) -> tuple[Delivery, float]:
    """The delivery of a vector, and the time when it was signed."""
    fields = {name.lower(): value for name, value in vector["headers"].items()}
    stamps = [value for name, value in fields.items() if name.endswith("timestamp")]
    if "form" in vector:
        fields["content-type"] = "application/x-www-form-urlencoded"
    now = float(vector.get("at") or (stamps[0] if stamps else 0))
    method, headers = vector.get("method", "POST"), Headers(fields.items())
    return Delivery(method, vector["url"], headers, body_of(vector), now), now


@pytest.mark.parametrize(("name", "vector"), ALL)
def test_a_published_vector_is_judged_as_published(name: str, vector: dict[str, Any]) -> None:
    provider = CATALOGUE[name]
    delivery, now = delivered(vector)
    key = provider.key(Secret(vector.get("public_key", vector["secret"])))
    if "fetched" in vector:
        assert provider.needs(delivery, [key]) is not None
        provider = provider.given(vector["fetched"].encode())
    if not vector["valid"]:
        with pytest.raises(Unverified):
            provider.verify(delivery, [key], now)
        return
    assert provider.verify(delivery, [key], now) == 0
    with pytest.raises(Unverified):
        provider.verify(replace(delivery, body=delivery.body + b"x"), [key], now)


@pytest.mark.parametrize(("name", "vector"), VALID)
def test_we_sign_what_was_published(name: str, vector: dict[str, Any]) -> None:
    provider = CATALOGUE[name]
    delivery, now = delivered(vector)
    key = provider.key(Secret(vector["secret"]))
    signed = provider.scheme.sign(delivery, key, now)
    assert signed.url == delivery.url
    for header in provider.scheme.headers:
        assert signed.headers.one(header) == delivery.headers.one(header)
    if isinstance(provider.scheme, ItemScheme):
        ours, theirs = (json.loads(provider.scheme.content(one)) for one in (signed, delivery))
        assert ours == theirs


@pytest.mark.parametrize(("name", "vector"), HANDSHAKES)
def test_a_published_handshake_is_answered_as_published(name: str, vector: dict[str, Any]) -> None:
    provider = CATALOGUE[name]
    delivery, _ = delivered(vector)
    challenge = provider.greet(delivery, [provider.key(Secret(vector["secret"]))])
    assert challenge is not None
    assert challenge.answer.body == vector["answer"].encode()
