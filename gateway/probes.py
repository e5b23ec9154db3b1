"""
Probes: what `gateway doctor` sends through the proxy in front, and the report of what arrived.

A probe's token and the report are sealed with AES-SIV (RFC 5297) under a key of their own purpose: only a
gateway of this deployment makes and opens them, whichever replica the probe comes to. Nothing is kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag

from gateway.errors import NotAuthentic
from gateway.keyring import KEY_ID, KeyRing, Purpose

#: Where a probe goes: the form of a callback's URL, so that a proxy treats it as one.
PATH = "/c/probe/"
#: A doctor's visit takes seconds.
LIFETIME = 120
#: So much of a body is shown; of the rest its length and digest are compared.
SHOWN_BYTES = 4096
_MAX_TOKEN = 200
_TIME_BYTES = 5
#: In a path wherever it has got to, and in a query in case it is gone from the path.
_IN_PATH = re.compile(re.escape(PATH) + r"([A-Za-z0-9._-]+)")
_IN_QUERY = re.compile(r"(?:^|&)probe=([A-Za-z0-9._-]+)")


@dataclass(frozen=True, slots=True)
class Arrived:
    """
    A probe as it came to the gateway. `path` and `query` are as they were sent, percent-encoded; `start` is
    the beginning of the body. `arrival` is of this one request.
    """

    arrival: str
    method: str
    path: str = field(repr=False)
    query: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    size: int
    sha256: str
    start: bytes = field(repr=False)

    @classmethod
    def of(
        cls, arrival: str, method: str, path: str, query: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Arrived:
        """What is reported of a request."""
        digest = hashlib.sha256(body).hexdigest()
        return cls(arrival, method, path, query, tuple(headers), len(body), digest, body[:SHOWN_BYTES])


def mint(ring: KeyRing, now: float, random: bytes) -> str:
    """A probe's token, good for `LIFETIME` seconds from `now`."""
    return _seal(ring, "token", int(now + LIFETIME).to_bytes(_TIME_BYTES, "big") + random)


def find(path: str, query: str) -> Iterator[str]:
    """The texts in a request that may be a probe's token."""
    for pattern, text in ((_IN_PATH, path), (_IN_QUERY, query)):
        if (found := pattern.search(text)) is not None and len(found[1]) <= _MAX_TOKEN:
            yield found[1]


def check(token: str, ring: KeyRing, now: float) -> None:
    """Raise `NotAuthentic` for a text that is no probe's token, or no longer one."""
    if now > int.from_bytes(_open(ring, "token", token)[:_TIME_BYTES], "big"):
        raise NotAuthentic


def seal(arrived: Arrived, ring: KeyRing) -> str:
    """A report as the public answer carries it: worth nothing to whoever has no key."""
    values = asdict(arrived) | {"start": base64.b64encode(arrived.start).decode()}
    return _seal(ring, "report", json.dumps(values).encode())


def open_report(text: str, ring: KeyRing) -> Arrived:
    """The report in a public answer; raises `NotAuthentic` for any other text."""
    values: dict[str, Any] = json.loads(_open(ring, "report", text))
    headers = tuple((name, value) for name, value in values["headers"])
    return Arrived(**values | {"headers": headers, "start": base64.b64decode(values["start"])})


def _seal(ring: KeyRing, kind: str, data: bytes) -> str:
    key = ring.primary
    sealed = ring.working(key, Purpose.PROBE).seal.encrypt(data, [f"{kind}/{key.id}".encode()])
    return f"{key.id}.{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def _open(ring: KeyRing, kind: str, text: str) -> bytes:
    key_id, _, sealed = text.partition(".")
    key = ring.verifying(key_id) if KEY_ID.fullmatch(key_id) else None
    if key is None:
        raise NotAuthentic
    try:
        data = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        return ring.working(key, Purpose.PROBE).seal.decrypt(data, [f"{kind}/{key_id}".encode()])
    except (InvalidTag, ValueError):
        raise NotAuthentic from None
