"""Deliveries as the providers send them, and secrets to sign them with: `gateway/providers/samples/`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gateway.providers
from gateway.delivery import Delivery, Headers
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from gateway.providers.hmac import HmacSettings, declare
from gateway.secret import Secret
from tests.providers.keys import certificate, ec_key, ed25519_jwks, jwks, private_pem, rsa_key

SAMPLES = Path(gateway.providers.__file__).parent / "samples"
VECTORS = Path(__file__).parent.parent / "vectors"
NOW = 1_795_380_000.0
URL = "https://hooks.example.com/c/a-source/a-token?attempt=1"
#: Two of each provider that signs.
SECRETS: dict[str, list[str]] = {
    path.parent.name: json.loads(path.read_text()) for path in SAMPLES.glob("*/secrets.json")
}

#: Made of what nobody keeps in a file: the providers' own private keys.
SECRETS |= {
    "sendgrid": [private_pem(ec_key(place)) for place in (0, 1)],
    "wise": [private_pem(rsa_key(place)) for place in (0, 1)],
}
#: What has to be fetched to verify: here with the private key that signs.
FETCHED = {
    "aws-sns": certificate("sns.amazonaws.com"),
    "fal": ed25519_jwks(),
    "google-pubsub": jwks("RS256"),
    "paypal": certificate("messageverificationcerts.paypal.com"),
    "plaid": json.dumps({"key": {**json.loads(jwks("ES256"))["keys"][0], "expired_at": None}}).encode(),
}

PROVIDERS: dict[str, Provider] = {
    **{
        name: provider.given(FETCHED[name]) if name in FETCHED else provider
        for name, provider in CATALOGUE.items()
    },
    "hmac": declare(HmacSettings(**json.loads((SAMPLES / "hmac" / "settings.json").read_text()))),
}
SIGNED = [name for name, provider in PROVIDERS.items() if provider.signed]


@dataclass(frozen=True)
class Sample:
    """A delivery, not signed yet, and the events that it has to be read as."""

    delivery: Delivery
    events: list[dict[str, Any]]


def sample(name: str, kind: str = "success") -> Sample:
    """A provider's sample delivery: "success" or "failure"."""
    found = json.loads((SAMPLES / name / f"{kind}.json").read_text())
    headers = Headers([("User-Agent", "sample/1.0"), *found["headers"].items()])
    url = f"{URL}&{found['query']}" if "query" in found else URL
    return Sample(Delivery("POST", url, headers, body_of(found), NOW), found["events"])


def body_of(found: dict[str, Any]) -> bytes:
    """The body that a file describes: `json`, `form` or text."""
    if "json" in found:
        return json.dumps(found["json"], separators=(",", ":"), ensure_ascii=False).encode()
    if "form" in found:
        return urlencode([tuple(pair) for pair in found["form"]]).encode()
    return str(found.get("text", found.get("body"))).encode()


def key(name: str, place: int = 0) -> Secret:
    """A provider's verification key, of its first or its second secret."""
    return PROVIDERS[name].key(Secret(SECRETS[name][place]))


def signed(name: str, kind: str = "success", now: float = NOW, place: int = 0) -> Delivery:
    """A provider's sample delivery, signed."""
    delivery = sample(name, kind).delivery
    provider = PROVIDERS[name]
    return provider.scheme.sign(delivery, key(name, place), now) if provider.signed else delivery


def keys(name: str) -> list[Secret]:
    """A provider's first key, as a list; none where it signs nothing."""
    return [key(name)] if PROVIDERS[name].signed else []
