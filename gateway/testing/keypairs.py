"""
The private keys of providers that sign with one, made for the tests: nobody else has the real ones.

RSA takes a tenth of a second to make, so a process has one key of each kind.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.providers.base import Scheme
from gateway.providers.signatures.asymmetric import EcdsaP256, Rsa
from gateway.providers.signatures.certificate import CertificateScheme
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.encoding import encode
from gateway.providers.signatures.jwt import JwtScheme
from gateway.providers.signatures.scheme import HeaderScheme

_ID = "test-key"


@dataclass(frozen=True, slots=True)
class Pair:
    """A secret that signs, and the public key that a source has as its secret."""

    private: str = field(repr=False)
    public: str


def pair(scheme: Scheme) -> Pair | None:
    """A key pair for a scheme whose secret is the provider's public key; None for any other scheme."""
    if not isinstance(scheme, HeaderScheme):
        return None
    match [algorithm for _, algorithm in scheme.algorithms]:
        case [Ed25519() as algorithm]:
            seed, public = _ed25519().private_bytes_raw(), _ed25519().public_key().public_bytes_raw()
            texts = (encode(data, algorithm.key_encoding) for data in (seed + public, public))
            private_prefix, public_prefix = reversed(algorithm.prefixes)
            return Pair(private_prefix + next(texts), public_prefix + next(texts))
        case [Rsa()]:
            return Pair(_private_pem(_rsa()), _public_pem(_rsa()))
        case [EcdsaP256()]:
            return Pair(_private_pem(_ec()), _public_pem(_ec()))
    return None


def published(scheme: Scheme, host: str) -> bytes:
    """
    What a provider publishes at a host, with the private key beside it: that signs, and verifying ignores it.

    A certificate as PEM, or a set of keys as JSON, which is the answer to a question for one of them as well.
    """
    if isinstance(scheme, CertificateScheme):
        return _certificate(host)
    algorithm = scheme.algorithms[0] if isinstance(scheme, JwtScheme) else "EdDSA"
    made: dict[str, Any]
    if algorithm == "EdDSA":
        made = jwt.algorithms.OKPAlgorithm.to_jwk(_ed25519(), as_dict=True)
    elif algorithm == "ES256":
        made = jwt.algorithms.ECAlgorithm.to_jwk(_ec(), as_dict=True)
    else:
        made = jwt.algorithms.RSAAlgorithm.to_jwk(_rsa(), as_dict=True)
    key = {**made, "kid": _ID, "alg": algorithm, "use": "sig"}
    return json.dumps({"keys": [key], "key": key}).encode()


@lru_cache
def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@lru_cache
def _ec() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@lru_cache
def _ed25519() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _certificate(name: str) -> bytes:
    """A certificate for a name, in force around now and signed by another key, its own behind it."""

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("the issuer of this test's certificates"))
        .public_key(_rsa().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(_ec(), hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM) + _private_pem(_rsa()).encode()
