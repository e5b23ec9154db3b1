"""What a proxy has done to a request's body."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

from gateway.cli.altered.sent import Sent
from gateway.cli.findings import Finding, fail
from gateway.probes import SHOWN_BYTES, Arrived

REWRITING = (
    "the bytes have to arrive as they were sent: for /c/ and /s/ turn off what rewrites bodies (a WAF's or "
    "an API gateway's transformation, a mesh filter, a filter for charsets or compression)"
)
#: From what a text was decoded, and what it was encoded to.
_CHARSETS = (
    ("utf-8", "iso-8859-1"),
    ("utf-8", "utf-16"),
    ("utf-8", "utf-8-sig"),
    ("utf-8", "ascii"),
    ("iso-8859-1", "utf-8"),
)


def body(sent: Sent, arrived: Arrived) -> Iterator[Finding]:
    """A failure: a signature is over the body's bytes."""
    if hashlib.sha256(sent.body).hexdigest() != arrived.sha256:
        yield fail("body", f"the proxy {body_change(sent.body, arrived)}; no signature fits", REWRITING)


def body_change(sent: bytes, arrived: Arrived) -> str:
    """What was done to a body that did not arrive as it was sent, in words."""
    came = arrived.start
    if arrived.size == 0:
        return "drops the body"
    if arrived.size <= SHOWN_BYTES:
        if came.strip() == sent.strip() != b"":
            return "changes the white space around the body"
        if came.splitlines() == sent.splitlines():
            return "changes the body's line ends"
    if arrived.size < len(sent) and sent.startswith(came):
        return f"cuts the body off: {arrived.size} of {len(sent)} bytes arrive"
    if arrived.size <= SHOWN_BYTES:
        if (charset := _recoded(sent, came)) is not None:
            return f"re-encodes the body in {charset}"
        if _value(came) == _value(sent) is not None:
            return "re-serialises the JSON in the body: the same values in other bytes"
        if _inflated(came) == sent:
            return "compresses the body"
        if sent in came:
            return f"adds {arrived.size - len(sent)} bytes to the body"
    first = next((n for n, (a, b) in enumerate(zip(sent, came, strict=False)) if a != b), len(came))
    return (
        f"changes the body: of {len(sent)} bytes {arrived.size} arrive, the first other one is byte {first}"
    )


def _value(text: bytes) -> Any:
    """What a JSON text says, with its numbers rounded as most writers do; None where it is none."""
    try:
        return json.loads(text, parse_int=float, parse_float=float)
    except (ValueError, RecursionError):
        return None


def _recoded(sent: bytes, came: bytes) -> str | None:
    for before, after in _CHARSETS:
        try:
            if sent.decode(before).encode(after, errors="replace") == came:
                return after
        except UnicodeDecodeError:
            continue
    return None


def _inflated(data: bytes) -> bytes | None:
    try:
        # zlib's or gzip's form, whichever it is; what was sent is small.
        return zlib.decompressobj(wbits=47).decompress(data, SHOWN_BYTES)
    except zlib.error:
        return None
