"""How bytes are spelled in a header: each value has exactly one accepted spelling."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

Encoding = Literal["hex", "HEX", "base64"]


def encode(data: bytes, encoding: Encoding) -> str:
    """The one spelling: hex in lower case, HEX in upper, or base64 (RFC 4648, section 4), padded."""
    if encoding == "base64":
        return base64.b64encode(data).decode()
    return data.hex() if encoding == "hex" else data.hex().upper()


def decode(text: str, encoding: Encoding) -> bytes | None:
    """The bytes of a text; None for anything that `encode` would not have written."""
    try:
        data = binascii.a2b_base64(text) if encoding == "base64" else bytes.fromhex(text)
    except ValueError:
        return None
    # Both decoders forgive: white space, upper case, foreign characters, unused bits.
    return data if encode(data, encoding) == text else None
