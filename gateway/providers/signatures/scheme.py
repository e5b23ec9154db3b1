"""A signature in a header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.delivery import Delivery
from gateway.errors import Unverified
from gateway.providers.signatures.algorithm import Algorithm
from gateway.providers.signatures.grammar import MAX_CANDIDATES, Grammar, Whole
from gateway.providers.signatures.template import (
    Body,
    Field,
    HashInQuery,
    Header,
    Message,
    Template,
    header,
)
from gateway.providers.signatures.timestamp import Timestamp
from gateway.secret import Secret

_RAW_BODY = Template((Body(),))
_WHOLE = Whole()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderScheme:
    """
    Signatures in one header.

    `algorithms` has the name that each algorithm's signatures bear in the header ("" where the header is
    the signature), the strictest to recognise a secret first. Of the templates any may fit: signers
    differ in how they write a URL. A key starts with a byte that numbers its algorithm.
    """

    header: str
    algorithms: tuple[tuple[str, Algorithm], ...]
    templates: tuple[Template, ...] = (_RAW_BODY,)
    grammar: Grammar = _WHOLE
    timestamp: Timestamp | None = None
    signed: bool = True

    def __post_init__(self) -> None:
        for template in self.templates:
            if self.timestamp and self.timestamp.source not in template.parts:
                raise ValueError("a timestamp that is not signed proves nothing: the template needs it")

    @property
    def headers(self) -> frozenset[str]:
        """The headers that verification reads."""
        return self.covered_headers | {self.header}

    @property
    def covered_headers(self) -> frozenset[str]:
        """The headers that are signed, whichever template fits."""
        return frozenset.intersection(*(template.headers for template in self.templates))

    def key(self, secret: Secret) -> Secret:
        """The key of a secret; `ValueError` for one of the wrong form."""
        for place, (_, algorithm) in enumerate(self.algorithms):
            if algorithm.takes(secret):
                return Secret(bytes([place]) + algorithm.key(secret))
        raise ValueError("the secret is not of a kind that this provider gives out")

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """The index of the key that signed the delivery; raises `Unverified`."""
        message = Message(delivery, self.grammar.parse(header(delivery, self.header)))
        candidates = [
            [text for name, text in message.pairs if name == wanted] for wanted, _ in self.algorithms
        ]
        if sum(map(len, candidates)) > MAX_CANDIDATES:
            raise Unverified(f"there are more than {MAX_CANDIDATES} signatures")
        if self.timestamp:
            self.timestamp.check(message, now)
        problem: Unverified | None = None
        for template in self.templates:
            try:
                text = template.render(message)
            except Unverified as error:
                # The delivery lacks a part of this template: another one may be meant.
                problem = error
                continue
            for index, secret in enumerate(keys):
                key = secret.reveal()
                if self.algorithms[key[0]][1].fits(key[1:], text, candidates[key[0]]):
                    return index
        raise problem or Unverified("no signature fits")

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery signed at `now`; `ValueError` where it lacks what has to be signed."""
        pairs: tuple[tuple[str, str], ...] = ()
        match self.timestamp and self.timestamp.source:
            case Header(name):
                delivery = _with_header(delivery, name, self._now(now))
            case Field(name):
                pairs = ((name, self._now(now)),)
        place, data = key.reveal()[0], key.reveal()[1:]
        name, algorithm = self.algorithms[place]
        for template in self.templates:
            prepared = delivery
            for part in template.parts:
                if isinstance(part, HashInQuery):
                    prepared = part.prepare(prepared)
            try:
                signed = template.render(Message(prepared, pairs))
            except Unverified as error:
                problem = error
                continue
            text = self.grammar.write((*pairs, (name, algorithm.sign(data, signed))))
            return _with_header(prepared, self.header, text)
        raise ValueError(f"this can't be signed: {problem}")

    def _now(self, now: float) -> str:
        assert self.timestamp
        return self.timestamp.text(now)


def _with_header(delivery: Delivery, name: str, value: str) -> Delivery:
    return replace(delivery, headers=delivery.headers.with_(**{name: value}))
