"""
Signatures by a private key that only the provider has: RSA (PKCS #1 v1.5) and ECDSA on P-256, with SHA-256.

Keys are PEM text (a public key, or an X.509 certificate) or the base64 of a SubjectPublicKeyInfo. A private
key is taken too: it can sign. `cryptography` is loaded when such a key is used, and not before.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from gateway.providers.signatures.encoding import decode, encode
from gateway.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_PEM = b"-----BEGIN "
#: No key in use is longer: an RSA key of 4096 bits has 3.3 kB as private PEM.
_MAX_KEY = 16 * 1024
_MIN_RSA_BITS = 2048


@lru_cache(maxsize=64)
def public_key(text: bytes) -> PublicKeyTypes:
    """The public key of a PEM or base64 text; `ValueError`, without the text in it, where there is none."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        if text.startswith(b"-----BEGIN CERTIFICATE"):
            return x509.load_pem_x509_certificate(text).public_key()
        if not text.startswith(_PEM):
            return serialization.load_der_public_key(base64.b64decode(text, validate=True))
        if b"PRIVATE KEY" in text:
            return private_key(text).public_key()  # type: ignore[no-any-return]  # private_key is Any
        return serialization.load_pem_public_key(text)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the secret is no public key: PEM, or SubjectPublicKeyInfo in base64") from None


@lru_cache(maxsize=16)
def private_key(text: bytes) -> Any:
    """The private key in a PEM text that may hold certificates too; `ValueError` where there is none."""
    from cryptography.hazmat.primitives import serialization

    start = text.find(_PEM + b"PRIVATE KEY")
    if start < 0:
        raise ValueError("a public key verifies and does not sign")
    return serialization.load_pem_private_key(text[start:], password=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _KeyText(ABC):
    """Keys are texts; what they are is checked when they are configured."""

    hint: str = "the provider's public key is needed"
    kind: ClassVar[str]

    def takes(self, secret: Secret) -> bool:
        """Any secret may be tried as a key."""
        return True

    def key(self, secret: Secret) -> bytes:
        """The key's text; `ValueError`, without the secret in it, for one of another kind."""
        text = secret.reveal()
        if not text or len(text) > _MAX_KEY:
            raise ValueError(f"the secret is {'too long' if text else 'empty'}; {self.hint}")
        try:
            known = self._is_kind(public_key(text))
        except ValueError as error:
            raise ValueError(f"{error}; {self.hint}") from None
        if not known:
            raise ValueError(f"the secret is not {self.kind}; {self.hint}")
        return text

    def fits(self, key: bytes, signed: bytes, candidates: Sequence[str]) -> bool:
        """Whether a candidate, in base64, is a signature of the bytes by the private key."""
        decoded = [data for text in candidates if (data := decode(text, "base64")) is not None]
        return any(self._verifies(public_key(key), data, signed) for data in decoded)

    @abstractmethod
    def _is_kind(self, key: Any) -> bool: ...

    @abstractmethod
    def _verifies(self, key: Any, signature: bytes, signed: bytes) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Rsa(_KeyText):
    """RSA with PKCS #1 v1.5 and SHA-256 (RFC 8017, section 8.2), in base64."""

    kind: ClassVar[str] = f"an RSA key of {_MIN_RSA_BITS} bits or more"

    def _is_kind(self, key: Any) -> bool:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        return isinstance(key, RSAPublicKey) and key.key_size >= _MIN_RSA_BITS

    def _verifies(self, key: Any, signature: bytes, signed: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            key.verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    def sign(self, key: bytes, signed: bytes) -> str:
        """The signature of the bytes; `ValueError` where the key is a public one."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return encode(private_key(key).sign(signed, PKCS1v15(), SHA256()), "base64")


@dataclass(frozen=True, kw_only=True, slots=True)
class EcdsaP256(_KeyText):
    """ECDSA on P-256 with SHA-256 (FIPS 186-5), the signature in DER and base64."""

    kind: ClassVar[str] = "an EC key on P-256"

    def _is_kind(self, key: Any) -> bool:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

        return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)

    def _verifies(self, key: Any, signature: bytes, signed: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            key.verify(signature, signed, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def sign(self, key: bytes, signed: bytes) -> str:
        """The signature of the bytes; `ValueError` where the key is a public one."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        return encode(private_key(key).sign(signed, ECDSA(SHA256())), "base64")
