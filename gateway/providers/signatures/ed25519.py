"""
Ed25519 signatures (RFC 8032), with the spellings that providers give their keys.

A public key has 32 bytes. A private one, which nobody needs for verifying, is 32 bytes of seed and the
public key behind them. `cryptography` is loaded when a key of this kind is used, and not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.providers.signatures.encoding import Encoding, decode, encode
from gateway.secret import Secret

_PUBLIC, _SEED = 32, 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Ed25519:
    """
    Ed25519. `signature` and `key_encoding` say how signatures and keys are spelled.

    `prefixes` mark a public and a private key, in Standard Webhooks where nothing else is said. `hint`
    says where to find the right key.
    """

    signature: Encoding = "base64"
    key_encoding: Encoding = "base64"
    prefixes: tuple[str, str] = ("whpk_", "whsk_")
    hint: str = "the public key is all that verifying needs"

    def takes(self, secret: Secret) -> bool:
        """Whether a secret begins as such a key does."""
        return secret.reveal().startswith(tuple(prefix.encode() for prefix in self.prefixes))

    def key(self, secret: Secret) -> bytes:
        """The key bytes; `ValueError`, without the secret in it, for a secret of the wrong form."""
        text = secret.reveal().decode("latin-1")
        if not text:
            raise ValueError(f"the secret is empty: {self.hint}")
        for prefix, sizes in zip(self.prefixes, ((_PUBLIC,), (_SEED + _PUBLIC,)), strict=True):
            data = decode(text.removeprefix(prefix), self.key_encoding) if text.startswith(prefix) else None
            if data is not None and len(data) in sizes:
                return data
        public = self.prefixes[0]
        wanted = f"{public} and 32 bytes in {self.key_encoding}" if public else f"32 in {self.key_encoding}"
        raise ValueError(f"the secret is no Ed25519 key of {wanted}: {self.hint}")

    def fits(self, key: bytes, signed: bytes, candidates: Sequence[str]) -> bool:
        """Whether a candidate is a signature of the bytes by the private key."""
        decoded = [data for text in candidates if (data := decode(text, self.signature)) is not None]
        if not decoded:
            return False
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        public = Ed25519PublicKey.from_public_bytes(key[-_PUBLIC:])
        for data in decoded:
            try:
                public.verify(data, signed)
            except InvalidSignature:
                continue
            return True
        return False

    def sign(self, key: bytes, signed: bytes) -> str:
        """The signature of the bytes; `ValueError` where the key is a public one."""
        if len(key) == _PUBLIC:
            raise ValueError("a public key verifies and does not sign")
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return encode(Ed25519PrivateKey.from_private_bytes(key[:_SEED]).sign(signed), self.signature)
