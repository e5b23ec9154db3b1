"""Private keys of providers that sign with one, made when they are needed: none is kept in a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes as PrivateKey

#: Around the time of the samples.
MADE = datetime(2026, 11, 1, tzinfo=UTC)
ENDS = datetime(2027, 11, 1, tzinfo=UTC)


@lru_cache
def rsa_key(place: int = 0) -> rsa.RSAPrivateKey:
    """One of two RSA keys."""
    return rsa.generate_private_key(65537, 2048)


@lru_cache
def ec_key(place: int = 0) -> ec.EllipticCurvePrivateKey:
    """One of two keys on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: PrivateKey) -> str:
    """A private key as text."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_pem(key: PrivateKey) -> str:
    """A private key's public key as text."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def certificate(
    name: str,
    key: PrivateKey | None = None,
    issuer: str = "Example Issuing CA",
    made: datetime = MADE,
    ends: datetime = ENDS,
) -> bytes:
    """A certificate for a name, PEM, with its private key behind it."""
    key = key or rsa_key()

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    made_of = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(made)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    signed = made_of.sign(ec_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM) + private_pem(key).encode()


@lru_cache
def ed25519_jwks() -> bytes:
    """A set of one Ed25519 key, its private part in it."""
    made = jwt.algorithms.OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    return json.dumps({"keys": [made]}).encode()


def jwks(algorithm: str, key_id: str = "key-1") -> bytes:
    """A set of one key, its private part in it, so that the same text signs."""
    made = (
        jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(), as_dict=True)
        if algorithm == "RS256"
        else jwt.algorithms.ECAlgorithm.to_jwk(ec_key(), as_dict=True)
    )
    return json.dumps({"keys": [{**made, "kid": key_id, "alg": algorithm, "use": "sig"}]}).encode()
