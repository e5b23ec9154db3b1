"""What others have published: their secret, their delivery, their signature."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from tests.providers.samples import VECTORS, body_of

VECTORS_OF = [
    (path.stem, vector) for path in sorted(VECTORS.glob("*.json")) for vector in json.loads(path.read_text())
]
ALL = [pytest.param(name, vector, id=vector["name"]) for name, vector in VECTORS_OF]
VALID = [pytest.param(name, vector, id=vector["name"]) for name, vector in VECTORS_OF if vector["valid"]]


def delivered(vector: dict[str, Any]) -> tuple[Delivery, float]:
    """The delivery of a vector, and the time when it was signed."""
    fields = {name.lower(): value for name, value in vector["headers"].items()}
    stamps = [value for name, value in fields.items() if name.endswith("timestamp")]
    if "form" in vector:
        fields["content-type"] = "application/x-www-form-urlencoded"
    now = float(stamps[0]) if stamps else 0.0
    return Delivery("POST", vector["url"], Headers(fields.items()), body_of(vector), now), now


@pytest.mark.parametrize(("name", "vector"), ALL)
def test_a_published_vector_is_judged_as_published(name: str, vector: dict[str, Any]) -> None:
    provider = CATALOGUE[name]
    delivery, now = delivered(vector)
    key = provider.key(Secret(vector.get("public_key", vector["secret"])))
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
    if not provider.scheme.headers:
        assert json.loads(signed.body) == json.loads(delivery.body)
