"""HMAC (RFC 2104) and plain hashes: which hash, how the signature is spelled, and how the key is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gateway.providers.signatures.encoding import Encoding, encode
from gateway.secret import Secret

Hash = Literal["md5", "sha1", "sha256", "sha512"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyForm:
    """
    How a secret is spelled where the provider shows it.

    `prefix` marks the provider's secrets: it belongs to a key that is text, and is taken off before
    decoding otherwise. `normalize` is the Unicode form that the provider brings a text into first,
    `hashed` says that the key is that hash of the text. `hint` says where to find the right one.
    """

    encoding: Literal["text", "hex", "base64"] = "text"
    prefix: str = ""
    prefix_needed: bool = False
    #: A pattern that a text has to have as a whole, where it is more than a text.
    pattern: str = ""
    normalize: Literal["NFKD"] | None = None
    hashed: Hash | None = None
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
        if self.pattern and not re.fullmatch(self.pattern.encode(), data):
            raise ValueError(self._explain("the secret is of another form"))
        if self.encoding == "text":
            text = data if self.normalize is None else self._normalized(data, self.normalize)
            return text if self.hashed is None else hashlib.new(self.hashed, text).digest()
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

    def _normalized(self, data: bytes, form: Literal["NFKD"]) -> bytes:
        try:
            return unicodedata.normalize(form, data.decode()).encode()
        except UnicodeDecodeError:
            raise ValueError(self._explain("the secret is not text in UTF-8")) from None

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
    """HMAC with a hash, spelled in hex, HEX or base64."""

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
        """Whether a candidate is the digest of the bytes, in its one spelling; compared in constant time."""
        if not candidates:
            return False
        expected = encode(self.digest(key, signed), self.encoding).encode()
        fits = False
        for text in candidates:
            # As bytes: texts that are not ASCII can't be compared.
            fits |= hmac.compare_digest(expected, text.encode(errors="replace"))
        return fits

    def sign(self, key: bytes, signed: bytes) -> str:
        """The digest of the bytes, spelled."""
        return encode(self.digest(key, signed), self.encoding)

    def digest(self, key: bytes, signed: bytes) -> bytes:
        """The HMAC of the bytes."""
        mac = _keyed(key, self.hash).copy()
        mac.update(signed)
        return mac.digest()


def forget_keys() -> None:
    """Keep nothing of the secrets that were used so far: one of them is in force no longer."""
    _keyed.cache_clear()


@lru_cache(256)
def _keyed(key: bytes, digestmod: Hash) -> hmac.HMAC:
    """An HMAC that has read its key, to be copied: reading it again costs as much as a body of 1 kB."""
    return hmac.new(key, digestmod=digestmod)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyThenText(Hmac):
    """
    A plain hash over the key and the bytes, one after the other: what some signed with before HMAC.

    Whoever knows a signature can lengthen the bytes with it (MD5, SHA-1 and SHA-2 go on where they
    ended), by a filling that no JSON text and no form can hold: only for bodies that have to be one.
    """

    def digest(self, key: bytes, signed: bytes) -> bytes:
        """The hash of key and bytes."""
        return hashlib.new(self.hash, key + signed).digest()


@dataclass(frozen=True, kw_only=True, slots=True)
class TextThenKey(Hmac):
    """
    A plain hash over the bytes and the key, one after the other.

    It can't be lengthened, and is worth as much as it is hard to find two texts with one hash: with MD5,
    whoever may write into what is signed could prepare such a pair.
    """

    def digest(self, key: bytes, signed: bytes) -> bytes:
        """The hash of bytes and key."""
        return hashlib.new(self.hash, signed + key).digest()
