"""The bytes that a provider signs, as a list of parts."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import ClassVar, Literal, Protocol
from urllib.parse import parse_qs

from gateway import strict_json
from gateway.delivery import Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers import form
from gateway.providers.signatures.grammar import MAX_HEADER, Pairs


class Message:
    """A delivery while its signature is checked, with the names and values of the signature header."""

    __slots__ = ("_params", "delivery", "pairs")

    def __init__(self, delivery: Delivery, pairs: Pairs = ()) -> None:
        self.delivery = delivery
        self.pairs = pairs
        self._params: bytes | None = None

    def header(self, name: str) -> str:
        """A header that has to be there once, in ASCII, and of bounded length."""
        return header(self.delivery, name)

    def field(self, name: str) -> str:
        """A value of the signature header that has to be there once."""
        found, times = "", 0
        for key, value in self.pairs:
            if key == name:
                found, times = value, times + 1
        if times != 1:
            raise Unverified(f"the signature header has {name} {times} times")
        return found

    def params(self) -> bytes:
        """The form's names and values, sorted, each value once, with nothing between them."""
        if self._params is None:
            if self.delivery.media_type != form.MEDIA_TYPE:
                raise Unverified("the body is not a form")
            try:
                pairs = form.parse(self.delivery.body)
            except ValueError:
                raise Unverified("the body is not a form") from None
            self._params = "".join(name + value for name, value in sorted(set(pairs))).encode()
        return self._params


def header(delivery: Delivery, name: str) -> str:
    """A header that has to be there once, in ASCII, and of bounded length; `Unverified` otherwise."""
    text = delivery.headers.one(name)
    if text is None:
        raise Unverified(f"the header {name} is missing")
    return _checked(name, text)


def headers(delivery: Delivery, name: str) -> list[str]:
    """The values of a header that may be repeated, each as `header` wants it."""
    texts = [_checked(name, value) for key, value in delivery.headers if key == name]
    if not texts:
        raise Unverified(f"the header {name} is missing")
    return texts


def _checked(name: str, text: str) -> str:
    if len(text) > MAX_HEADER:
        raise Unverified(f"the header {name} is longer than {MAX_HEADER} characters")
    if not text.isascii():
        raise Unverified(f"the header {name} is not ASCII")
    return text


class Part(Protocol):
    """A part of what is signed."""

    @property
    def header(self) -> str | None:
        """The header that the part comes from, in lower case."""
        ...

    def render(self, message: Message) -> bytes:
        """The part's bytes; `Unverified` where the delivery lacks it."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A fixed text."""

    text: str
    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The text."""
        return self.text.encode()


@dataclass(frozen=True, slots=True)
class Body:
    """The raw body."""

    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The body as it came."""
        return message.delivery.body


@dataclass(frozen=True, slots=True)
class BodyHash:
    """The SHA-256 of the raw body, in hex."""

    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The digits, in lower case."""
        return hashlib.sha256(message.delivery.body).hexdigest().encode()


@dataclass(frozen=True, slots=True)
class Crc32:
    """The CRC-32 of the raw body, as a number without a sign: a check, and no proof of the body."""

    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The number in decimal."""
        return str(zlib.crc32(message.delivery.body)).encode()


@dataclass(frozen=True, slots=True)
class Method:
    """The HTTP method."""

    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The method, in upper case as it came."""
        return message.delivery.method.encode(errors="replace")


@dataclass(frozen=True, slots=True)
class Header:
    """The value of a header, named in lower case."""

    name: str

    @property
    def header(self) -> str:
        """Its name."""
        return self.name

    def render(self, message: Message) -> bytes:
        """The value as it came."""
        return message.header(self.name).encode()


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the signature header, such as `t` in `t=1,v1=aa`."""

    name: str
    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The value as it came."""
        return message.field(self.name).encode()


@dataclass(frozen=True, slots=True)
class IssuedUrl:
    """The URL that was issued or registered; some signers always or never write its port."""

    port: Literal["as issued", "always", "never"] = "as issued"
    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The URL."""
        url = message.delivery.url
        found = _AUTHORITY.match(url)
        if self.port != "as issued" and found:
            default = ":443" if url.startswith("https:") else ":80"
            port = found[2] or default if self.port == "always" else ""
            url = found[1] + port + url[found.end() :]
        return url.encode(errors="replace")


#: Scheme and host, then the port.
_AUTHORITY = re.compile(r"(https?://(?:[^/?#@]*@)?(?:\[[^\]/?#]*\]|[^:/?#]*))(:\d+)?")


@dataclass(frozen=True, slots=True)
class SortedParams:
    """The names and values of a form, sorted by name, with nothing between them."""

    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """Names and values; a name's values are sorted, and each is there once."""
        return message.params()


@dataclass(frozen=True, slots=True)
class HashInQuery:
    """No bytes of its own: the URL's query has to hold the SHA-256 of the body, in hex."""

    name: str
    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """Nothing; `Unverified` where the query does not hold the body's hash."""
        found = query(message.delivery).get(self.name)
        if found != [hashlib.sha256(message.delivery.body).hexdigest()]:
            raise Unverified(f"{self.name} in the URL is not the hash of the body")
        return b""

    def prepare(self, delivery: Delivery) -> Delivery:
        """The delivery with the hash in its URL, where it is not there yet."""
        if f"{self.name}=" in delivery.url:
            return delivery
        mark = "&" if "?" in delivery.url else "?"
        return replace(
            delivery, url=f"{delivery.url}{mark}{self.name}={hashlib.sha256(delivery.body).hexdigest()}"
        )


@dataclass(frozen=True, slots=True)
class QueryAndBody:
    """
    A value of the URL's query that stands in the JSON body too: what is signed is then in the body.

    `lower` signs it in lower case.
    """

    name: str
    path: tuple[str, ...]
    lower: bool = False
    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The value of the query; `Unverified` where the body says another one."""
        found = query(message.delivery).get(self.name)
        try:
            value = strict_json.get(strict_json.read(message.delivery.body), self.path)
        except Malformed as error:
            raise Unverified(f"there is nothing signed: {error.detail}") from None
        if found is None or isinstance(value, bool) or found != [str(value)]:
            raise Unverified(f"{self.name} in the URL is not the one in the body")
        return (found[0].lower() if self.lower else found[0]).encode(errors="replace")


@dataclass(frozen=True, slots=True)
class Named:
    """
    The headers that a value of the signature header names, with a space between: the names as they
    stand there, then their values, all with "." between.

    `usual` are those that are kept for a replay.
    """

    name: str
    usual: tuple[str, ...]
    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """Names and values; `Unverified` where a header is not there once, or named twice."""
        text = message.field(self.name)
        names = text.split(" ")
        if len({name.lower() for name in names}) != len(names):
            raise Unverified("the signature header names a header twice")
        try:
            values = [message.header(name) for name in names]
        except Unverified:
            raise Unverified(
                "a header that the signature names is missing, repeated, not ASCII, or "
                f"is longer than {MAX_HEADER} characters"
            ) from None
        return ".".join([text, *values]).encode()

    def pair(self, delivery: Delivery) -> tuple[str, str]:
        """Name and value for the signature header: the usual ones that the delivery has."""
        return self.name, " ".join(name for name in self.usual if name in delivery.headers)


def query(delivery: Delivery) -> dict[str, list[str]]:
    """The values of the URL's query, by name; `Unverified` where it can't be read."""
    try:
        return parse_qs(
            delivery.url.partition("?")[2], keep_blank_values=True, errors="strict", max_num_fields=100
        )
    except ValueError:
        raise Unverified("the URL's query can't be read") from None


_VALUES = (Header, Field, QueryAndBody)


@dataclass(frozen=True, slots=True)
class Template:
    """What is signed: the bytes of the parts, one after the other."""

    parts: tuple[Part, ...]
    #: The parts, each with its bytes where it is a fixed text.
    _parts: tuple[tuple[Part, bytes | None], ...] = field(init=False, repr=False, compare=False)
    #: The places of values and of the separators beside them.
    _beside: tuple[tuple[int, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = ((part, part.text.encode() if isinstance(part, Fixed) else None) for part in self.parts)
        object.__setattr__(self, "_parts", tuple(parts))
        beside = []
        for place, (left, right) in enumerate(pairwise(self.parts)):
            if isinstance(left, _VALUES) and isinstance(right, Fixed):
                beside.append((place, place + 1))
            elif isinstance(left, Fixed) and isinstance(right, _VALUES):
                beside.append((place + 1, place))
        object.__setattr__(self, "_beside", tuple(beside))

    @classmethod
    def of(cls, *parts: Part | str) -> Template:
        """A template; a text stands for itself."""
        return cls(tuple(Fixed(part) if isinstance(part, str) else part for part in parts))

    @property
    def headers(self) -> frozenset[str]:
        """The headers that are signed."""
        return frozenset(part.header for part in self.parts if part.header is not None)

    def render(self, message: Message) -> bytes:
        """The signed bytes; `Unverified` where the delivery lacks a part."""
        rendered = [part.render(message) if fixed is None else fixed for part, fixed in self._parts]
        # A value that holds the separator beside it could be cut elsewhere, with the same signature:
        # "a.b" and "c" as "a" and "b.c".
        for value, separator in self._beside:
            if rendered[separator] in rendered[value]:
                raise Unverified("a signed value holds the separator beside it")
        return b"".join(rendered)
