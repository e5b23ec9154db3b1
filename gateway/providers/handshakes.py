"""
Providers' questions at registration, as data: what is asked, and what they want to hear.

    Registration(asked=InBody(("challenge",), where=(("type",), "url_verification")), reply=Echo())

What comes back is bounded text that browsers show as such: whoever can reach a public URL may ask.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol
from urllib.parse import parse_qsl

from gateway import strict_json
from gateway.delivery import Answer, Challenge, Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers.fetch import Location
from gateway.providers.fields import as_text
from gateway.providers.form import MEDIA_TYPE as FORM
from gateway.providers.signatures.encoding import Encoding, encode
from gateway.secret import Secret

#: Slack's have 52 characters, Microsoft Graph's some 120.
MAX_CHALLENGE = 256
_MAX_QUERY_FIELDS = 100
#: The alphabets of base64 and of UUIDs. A JSON object or list, or a time before one, needs more.
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]+")
_NOSNIFF = (("x-content-type-options", "nosniff"),)

Path = tuple[str, ...]


class Asked(Protocol):
    """Where a question stands."""

    @property
    def headers(self) -> frozenset[str]:
        """The headers that are read, in lower case."""
        ...

    def find(self, delivery: Delivery) -> str | None:
        """The text that the answer is made of; None where the delivery is not this question."""
        ...


@dataclass(frozen=True, slots=True)
class InQuery:
    """
    A value in the query; `where` are others that have to be there.

    With `token`, the value of that name has to be the source's verify_token.
    """

    name: str
    where: tuple[tuple[str, str], ...] = ()
    token: str | None = None
    verify_token: Secret | None = None
    headers: frozenset[str] = frozenset()

    def find(self, delivery: Delivery) -> str | None:
        """The value; `Unverified` where the token is not the source's."""
        query = delivery.url.partition("?")[2]
        if f"{self.name}=" not in query:
            return None
        try:
            pairs = parse_qsl(query, True, errors="strict", max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError:
            raise Malformed("the URL's query can't be read") from None
        values = dict(pairs)
        if len(values) < len(pairs):
            raise Malformed("the URL's query has a name twice")
        if any(values.get(name) != wanted for name, wanted in self.where):
            return None
        if self.token is not None:
            given = values.get(self.token, "").encode(errors="replace")
            if self.verify_token is None:
                raise Unverified("the source has no verify_token, so it does not answer this question")
            if not hmac.compare_digest(given, self.verify_token.reveal()):
                raise Unverified(f"{self.token} is not the source's verify_token")
        return values.get(self.name)


@dataclass(frozen=True, slots=True)
class InHeader:
    """The value of a header, named in lower case."""

    name: str

    @property
    def headers(self) -> frozenset[str]:
        """The header."""
        return frozenset({self.name})

    def find(self, delivery: Delivery) -> str | None:
        """The value."""
        return delivery.headers.one(self.name)


@dataclass(frozen=True, slots=True)
class InBody:
    """A text in a JSON body, in which another path has a certain value."""

    path: Path
    where: tuple[Path, str]
    headers: frozenset[str] = frozenset()

    def find(self, delivery: Delivery) -> str | None:
        """The text."""
        # Every other delivery is spared a second parsing.
        if self.where[1].encode() not in delivery.body or delivery.media_type == FORM:
            return None
        value = strict_json.read(delivery.body)
        path, wanted = self.where
        if [as_text(item) for item in strict_json.find(value, path)] != [wanted]:
            return None
        found = strict_json.find(value, self.path)
        if len(found) != 1 or not isinstance(found[0], str):
            raise Malformed(f"there is no challenge: {'.'.join(self.path)} is missing or no text")
        return found[0]


class Reply(Protocol):
    """What a provider wants to hear."""

    def answer(self, text: str, keys: Sequence[Secret]) -> Answer:
        """The answer to a text that was asked; `keys` are the source's."""
        ...


@dataclass(frozen=True, slots=True)
class Echo:
    """The text itself."""

    def answer(self, text: str, keys: Sequence[Secret]) -> Answer:
        """The text, as plain text."""
        return Answer(200, text.encode(), "text/plain", _NOSNIFF)


@dataclass(frozen=True, slots=True)
class EchoAs:
    """The text under a name in JSON."""

    name: str

    def answer(self, text: str, keys: Sequence[Secret]) -> Answer:
        """The JSON."""
        return Answer(200, json.dumps({self.name: text}).encode())


@dataclass(frozen=True, slots=True)
class Always:
    """The same answer whatever is asked."""

    reply: Answer

    def answer(self, text: str, keys: Sequence[Secret]) -> Answer:
        """The answer."""
        return self.reply


@dataclass(frozen=True, slots=True)
class Signed:
    """
    An HMAC-SHA-256 of the text with the source's first secret, in JSON; beside the text under `plain`.

    The secret signs events, too, and of X's questions nobody knows who asks them: so only a text is signed
    that no event could be.
    """

    name: str
    encoding: Encoding = "hex"
    prefix: str = ""
    plain: str | None = None

    def answer(self, text: str, keys: Sequence[Secret]) -> Answer:
        """The JSON; `Malformed` for a text that is no plain token, `Unverified` without a secret."""
        if not _TOKEN.fullmatch(text):
            raise Malformed("the challenge is not of letters and digits, so it could be an event to sign")
        if not keys:
            raise Unverified("the source has no secret to answer with")
        # Behind the number of its algorithm (see `HeaderScheme`).
        signature = hmac.digest(keys[0].reveal()[1:], text.encode(), hashlib.sha256)
        values = {} if self.plain is None else {self.plain: text}
        values[self.name] = self.prefix + encode(signature, self.encoding)
        return Answer(200, json.dumps(values).encode())


@dataclass(frozen=True, slots=True)
class AllowOrigin:
    """The sender that asks may send (CloudEvents' abuse protection)."""

    def answer(self, text: str, keys: Sequence[Secret]) -> Answer:
        """The origin, in headers."""
        headers = (
            ("webhook-allowed-origin", text),
            ("webhook-allowed-rate", "*"),
            ("allow", "POST, OPTIONS"),
        )
        return Answer(200, b"", headers=headers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """
    A question and its answer.

    `signed` ones are answered after verification. A text that is asked is printable ASCII, of at most 256
    characters. With `visit` the text is a URL that confirms, which has to be at that place.
    """

    asked: Asked
    reply: Reply
    visit: Location | None = None
    method: Literal["GET", "POST", "OPTIONS"] = "POST"
    signed: bool = True

    @property
    def headers(self) -> frozenset[str]:
        """The headers that are read."""
        return self.asked.headers

    @property
    def wants_token(self) -> bool:
        """Whether it is answered only to whoever knows the source's verify_token."""
        return isinstance(self.asked, InQuery) and self.asked.token is not None

    def with_token(self, token: Secret) -> Registration:
        """The question as it is answered to whoever knows this token."""
        assert isinstance(self.asked, InQuery)
        return replace(self, asked=replace(self.asked, verify_token=token))

    def answer(self, delivery: Delivery, keys: Sequence[Secret]) -> Challenge | None:
        """The answer; None where it is not asked, `Malformed` or `Unverified` where it is refused."""
        text = self.asked.find(delivery)
        if text is None:
            return None
        if self.visit is not None:
            return Challenge(self.reply.answer("", keys), self.visit.fetch(text).url)
        if not text or not text.isascii() or not text.isprintable():
            raise Malformed("the challenge is not printable ASCII")
        if len(text) > MAX_CHALLENGE:
            raise Malformed(f"the challenge is longer than {MAX_CHALLENGE} characters")
        return Challenge(self.reply.answer(text, keys))
