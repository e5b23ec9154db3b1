"""
A secret text that comes along with each delivery: it proves who sends, and nothing of what is sent.

Whoever has seen one delivery has the secret, so a provider that uses this is one whose events are
notifications.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol
from urllib.parse import parse_qsl, urlencode

from gateway import strict_json
from gateway.delivery import Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.template import header
from gateway.secret import Secret

_MAX_QUERY_FIELDS = 100
#: What stands in place of a secret once it has done its work.
_PROOF = "hmac-sha256:"
_TEXT = KeyForm()


class TokenPlace(Protocol):
    """Where the secret stands in a delivery."""

    @property
    def headers(self) -> frozenset[str]:
        """The headers that are read, in lower case."""
        ...

    def find(self, delivery: Delivery) -> tuple[str, ...]:
        """The texts that all have to be the secret, one or more; `Unverified` where there is none."""
        ...

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with the secret in its place."""
        ...


@dataclass(frozen=True, slots=True)
class InHeader:
    """A header's value, behind a fixed text such as `Bearer `; of HTTP Basic, "user:password" in base64."""

    name: str
    prefix: str = ""
    encoding: Literal["text", "base64"] = "text"

    @property
    def headers(self) -> frozenset[str]:
        """The header."""
        return frozenset({self.name})

    def find(self, delivery: Delivery) -> tuple[str, ...]:
        """The value behind the prefix."""
        text = header(delivery, self.name)
        if not text.startswith(self.prefix):
            raise Unverified(f"the header {self.name} does not begin with {self.prefix.strip()}")
        text = text.removeprefix(self.prefix)
        if self.encoding == "text":
            return (text,)
        try:
            decoded = base64.b64decode(text, validate=True).decode()
        except ValueError:
            raise Unverified(f"the header {self.name} is not {self.prefix.strip()} and base64") from None
        if _base64(decoded) != text:
            raise Unverified(f"the header {self.name} is not spelled as base64 is")
        return (decoded,)

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with the header."""
        value = self.prefix + (_base64(text) if self.encoding == "base64" else text)
        return replace(delivery, headers=delivery.headers.with_(**{self.name: value}))


def basic() -> InHeader:
    """HTTP Basic authentication (RFC 7617); the secret is `user:password`."""
    return InHeader("authorization", "Basic ", "base64")


@dataclass(frozen=True, slots=True)
class InQuery:
    """A value in the query of the URL."""

    name: str
    headers: frozenset[str] = frozenset()

    def find(self, delivery: Delivery) -> tuple[str, ...]:
        """The value, which has to be there once."""
        query = delivery.url.partition("?")[2]
        try:
            pairs = parse_qsl(query, True, errors="strict", max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError:
            raise Unverified("the URL's query can't be read") from None
        found = [value for name, value in pairs if name == self.name]
        if len(found) != 1:
            raise Unverified(f"the URL has {self.name} {len(found)} times")
        return (found[0],)

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with the value behind its URL, and no other of that name."""
        url, _, query = delivery.url.partition("?")
        pairs = [pair for pair in parse_qsl(query, True) if pair[0] != self.name]
        return replace(delivery, url=f"{url}?{urlencode([*pairs, (self.name, text)])}")


@dataclass(frozen=True, slots=True)
class InItems:
    """A value in each item of a batch in JSON."""

    items: tuple[str, ...]
    path: tuple[str, ...]
    headers: frozenset[str] = frozenset()

    def find(self, delivery: Delivery) -> tuple[str, ...]:
        """The values; every item needs one."""
        try:
            items = strict_json.get(strict_json.read(delivery.body), self.items)
            if not isinstance(items, list) or not items:
                raise Unverified(f"there is no {'.'.join(self.items)} with a secret in it")
            found = tuple(strict_json.get(item, self.path) for item in items)
        except Malformed as error:
            raise Unverified(f"there is no secret to check: {error.detail}") from None
        if not all(isinstance(text, str) for text in found):
            raise Unverified(f"an item has no {'.'.join(self.path)}")
        return found

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with the value in each item; its JSON is written anew."""
        value = json.loads(delivery.body)
        for item in strict_json.get(value, self.items):
            *way, last = self.path
            place = item
            for name in way:
                place = place.setdefault(name, {})
            place[last] = text
        return replace(delivery, body=json.dumps(value, separators=(",", ":")).encode())


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenScheme:
    """The source's secret, sent along as it is."""

    place: TokenPlace
    key_form: KeyForm = _TEXT
    signed: bool = True

    @property
    def headers(self) -> frozenset[str]:
        """The headers that verification reads."""
        return self.place.headers

    def key(self, secret: Secret) -> Secret:
        """The secret as it is; `ValueError` for one of the wrong form."""
        return Secret(self.key_form.decode(secret))

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """The index of the secret that came along, the largest where items differ; raises `Unverified`."""
        return max(_index(text, delivery.body, keys) for text in self.place.find(delivery))

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery with the secret in it."""
        return self.place.put(delivery, key.reveal().decode())

    def kept(self, delivery: Delivery) -> Delivery:
        """
        The delivery as it may be stored: with an HMAC of its body in place of what came along.

        It verifies as the delivery itself does, and whoever reads it can't send another body with it.
        """
        if isinstance(self.place, InItems):
            return delivery
        try:
            (text,) = self.place.find(delivery)
        except Unverified:
            return delivery
        return self.place.put(delivery, _proof(text.encode(errors="replace"), delivery.body))


def _index(text: str, body: bytes, keys: Sequence[Secret]) -> int:
    # Digests are of one length: comparing them tells nothing of the secret's.
    stored = text.startswith(_PROOF)
    given = hashlib.sha256(text.encode(errors="replace")).digest()
    for index, key in enumerate(keys):
        wanted = _proof(key.reveal(), body).encode() if stored else key.reveal()
        if hmac.compare_digest(given, hashlib.sha256(wanted).digest()):
            return index
    raise Unverified("what came along is not the source's secret")


def _proof(secret: bytes, body: bytes) -> str:
    return _PROOF + hmac.digest(secret, body, hashlib.sha256).hex()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
