"""HMAC (RFC 2104): which hash, how the signature is spelled, and how the key is."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.providers.signatures.encoding import Encoding, decode, encode
from gateway.secret import Secret

Hash = Literal["sha1", "sha256", "sha512"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyForm:
    """
    How a secret is spelled where the provider shows it.

    `prefix` marks the provider's secrets: it belongs to a key that is text, and is taken off before
    decoding otherwise. `hint` says where to find the right one.
    """

    encoding: Literal["text", "hex", "base64"] = "text"
    prefix: str = ""
    prefix_needed: bool = False
    #: 128 bits: with less, an HMAC key can be searched for. Text is measured where it is configured.
    min_bytes: int = 16
    hint: str = ""

    def decode(self, secret: Secret) -> bytes:
        """The key bytes of a secret; `ValueError` that says what would be right."""
        data = secret.reveal()
        if not data:
            raise ValueError(self._explain("the secret is empty"))
        prefix = self.prefix.encode()
        if self.prefix_needed and not data.startswith(prefix):
            raise ValueError(self._explain(f"the secret does not begin with {self.prefix}"))
        if self.encoding == "text":
            return data
        text = data.removeprefix(prefix)
        try:
            key = binascii.a2b_hex(text) if self.encoding == "hex" else _base64(text)
        except ValueError:
            after = f" after {self.prefix}" if self.prefix else ""
            raise ValueError(self._explain(f"the secret is not {self.encoding}{after}")) from None
        if len(key) < self.min_bytes:
            raise ValueError(
                self._explain(f"the secret holds {len(key)} bytes, {self.min_bytes} or more are needed")
            )
        return key

    def _explain(self, problem: str) -> str:
        return f"{problem}; {self.hint}" if self.hint else problem


def _base64(text: bytes) -> bytes:
    # Some dashboards show a key without its padding.
    digits = text.rstrip(b"=")
    key = binascii.a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True)
    if base64.b64encode(key).rstrip(b"=") != digits:
        raise ValueError("bits are left over: the text was cut")
    return key


@dataclass(frozen=True, kw_only=True, slots=True)
class Hmac:
    """HMAC with a hash, spelled in hex or base64."""

    hash: Hash = "sha256"
    encoding: Encoding = "hex"
    key_form: KeyForm = KeyForm()

    def takes(self, secret: Secret) -> bool:
        """Any secret may be an HMAC key."""
        return True

    def key(self, secret: Secret) -> bytes:
        """The key bytes; `ValueError` for a secret of the wrong form."""
        return self.key_form.decode(secret)

    def fits(self, key: bytes, signed: bytes, candidates: Sequence[str]) -> bool:
        """Whether a candidate is the HMAC of the bytes; bytes are compared, in constant time."""
        decoded = [data for text in candidates if (data := decode(text, self.encoding)) is not None]
        if not decoded:
            return False
        expected = hmac.digest(key, signed, self.hash)
        return any(hmac.compare_digest(expected, data) for data in decoded)

    def sign(self, key: bytes, signed: bytes) -> str:
        """The HMAC of the bytes, spelled."""
        return encode(hmac.digest(key, signed, self.hash), self.encoding)
