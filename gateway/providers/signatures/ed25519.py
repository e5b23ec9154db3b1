"""
Ed25519 (RFC 8032) with keys spelled as Standard Webhooks does: `whpk_` public, `whsk_` private.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

`cryptography` is loaded when a key of this kind is used, and not before.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.providers.signatures.encoding import decode, encode
from gateway.secret import Secret

_PUBLIC, _PRIVATE = b"whpk_", b"whsk_"
_WRONG = "an Ed25519 key is whpk_ and 32 bytes in base64 (the public key, which is all that verifying needs)"


@dataclass(frozen=True, slots=True)
class Ed25519:
    """Ed25519 signatures in base64. A key is 32 public bytes, behind 32 of seed where it can sign."""

    def takes(self, secret: Secret) -> bool:
        """Whether a secret begins as such a key does."""
        return secret.reveal().startswith((_PUBLIC, _PRIVATE))

    def key(self, secret: Secret) -> bytes:
        """The key bytes; `ValueError` for a secret of the wrong form."""
        data = secret.reveal()
        size = 32 if data.startswith(_PUBLIC) else 64
        try:
            key = binascii.a2b_base64(data[len(_PUBLIC) :], strict_mode=True)
        except ValueError:
            raise ValueError(_WRONG) from None
        if len(key) != size:
            raise ValueError(_WRONG)
        return key

    def fits(self, key: bytes, signed: bytes, candidates: Sequence[str]) -> bool:
        """Whether a candidate is a signature of the bytes by the private key."""
        decoded = [data for text in candidates if (data := decode(text, "base64")) is not None]
        if not decoded:
            return False
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        public = Ed25519PublicKey.from_public_bytes(key[-32:])
        for data in decoded:
            try:
                public.verify(data, signed)
            except InvalidSignature:
                continue
            return True
        return False

    def sign(self, key: bytes, signed: bytes) -> str:
        """The signature of the bytes; `ValueError` where the key is a public one."""
        if len(key) != 64:
            raise ValueError("a public key verifies and does not sign")
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return encode(Ed25519PrivateKey.from_private_bytes(key[:32]).sign(signed), "base64")
