"""A delivery with its proof changed, wherever a scheme has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from gateway.delivery import Delivery
from gateway.providers.base import Scheme
from gateway.providers.signatures import certificate, token
from gateway.providers.signatures.certificate import CertificateScheme
from gateway.providers.signatures.jwt import JwtScheme
from gateway.providers.signatures.published import PublishedScheme
from gateway.providers.signatures.token import TokenScheme

Change = Callable[[str], str]


def with_proof(scheme: Scheme, delivery: Delivery, change: Change) -> Delivery | None:
    """The delivery with its token, or a certificate's signature, changed; None for other schemes."""
    match scheme:
        case JwtScheme(header=name) | PublishedScheme(header=name):
            return _in_header(delivery, name, change)
        case CertificateScheme(signature=certificate.InHeader(name)):
            return _in_header(delivery, name, change)
        case CertificateScheme(signature=certificate.InBody() as place):
            return place.put(delivery, change(place.read(delivery)))
        case TokenScheme(place=token.InHeader(name)):
            return _in_header(delivery, name, change)
        case TokenScheme(place=token.InQuery(name)):
            url, _, query = delivery.url.partition("?")
            pairs = [(key, change(value) if key == name else value) for key, value in parse_qsl(query)]
            return replace(delivery, url=f"{url}?{urlencode(pairs)}")
        case TokenScheme(place=token.InItems((items,), (name,))):
            value = json.loads(delivery.body)
            value[items][0][name] = change(value[items][0][name])
            return replace(delivery, body=json.dumps(value).encode())
    return None


def _in_header(delivery: Delivery, name: str, change: Change) -> Delivery:
    value = delivery.headers.one(name)
    assert value is not None
    return replace(delivery, headers=delivery.headers.with_(**{name: change(value)}))
