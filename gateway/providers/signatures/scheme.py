"""A signature in a header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
    Named,
    Template,
    header,
    headers,
)
from gateway.providers.signatures.timestamp import BodyTime, Timestamp
from gateway.secret import Secret

_RAW_BODY = Template((Body(),))
_WHOLE = Whole()


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderScheme:
    """
    Signatures in a header.

    `algorithms` has the name that each algorithm's signatures bear in the header ("" where the header is
    the signature), the strictest to recognise a secret first. Of the templates any may fit: signers
    differ in how they write a URL. `beside` names further headers of the same form, one for each of the
    secrets in force; with `repeats` it is the same header again. `between` is what stands between
    signatures that are complete in themselves, each with its own time: any of these may fit. What bears
    another name than the algorithms', an older version's above all, is no signature. A key starts with a
    byte that numbers its algorithm.
    """

    header: str
    beside: tuple[str, ...] = ()
    repeats: bool = False
    between: str = ""
    algorithms: tuple[tuple[str, Algorithm], ...]
    templates: tuple[Template, ...] = (_RAW_BODY,)
    grammar: Grammar = _WHOLE
    timestamp: Timestamp | None = None
    signed: bool = True
    #: Of the algorithms' signatures.
    _names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", frozenset(name for name, _ in self.algorithms))
        if self.timestamp is None:
            return
        source = self.timestamp.source
        needed = Body() if isinstance(source, BodyTime) else source
        if not all(needed in template.parts for template in self.templates):
            raise ValueError("a timestamp that is not signed proves nothing: the template needs it")

    @property
    def headers(self) -> frozenset[str]:
        """The headers that verification reads."""
        named = (part for template in self.templates for part in template.parts if isinstance(part, Named))
        return self.covered_headers.union({self.header, *self.beside}, *(part.usual for part in named))

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
        messages, count = [], 0
        for text in self._texts(delivery):
            message = Message(delivery, self.grammar.parse(text))
            signatures: dict[str, list[str]] = {}
            for name, signature in message.pairs:
                if name in self._names:
                    signatures.setdefault(name, []).append(signature)
                    count += 1
            messages.append((message, signatures))
        if count > MAX_CANDIDATES:
            raise Unverified(f"there are more than {MAX_CANDIDATES} signatures")
        problem: Unverified | None = None
        for message, signatures in messages:
            try:
                return self._verify(message, signatures, keys, now)
            except Unverified as error:
                problem = error
        raise problem or Unverified("there is no signature")

    def _texts(self, delivery: Delivery) -> list[str]:
        """The texts that are each a signature of their own, of all headers that are there."""
        if self.repeats:
            texts = headers(delivery, self.header)
        elif self.beside:
            there = [name for name in (self.header, *self.beside) if name in delivery.headers]
            texts = [header(delivery, name) for name in there or (self.header,)]
        else:
            texts = [header(delivery, self.header)]
        if not self.between:
            return texts
        # One more than is allowed is enough to count.
        return [part for text in texts for part in text.split(self.between, MAX_CANDIDATES)]

    def _verify(
        self, message: Message, signatures: Mapping[str, Sequence[str]], keys: Sequence[Secret], now: float
    ) -> int:
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
                name, algorithm = self.algorithms[key[0]]
                if algorithm.fits(key[1:], text, signatures.get(name, ())):
                    if self.timestamp:
                        self.timestamp.check(message, now)
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
            case BodyTime() as place:
                delivery = place.write(delivery, self._now(now))
        number, data = key.reveal()[0], key.reveal()[1:]
        name, algorithm = self.algorithms[number]
        for template in self.templates:
            prepared = delivery
            for part in template.parts:
                if isinstance(part, HashInQuery):
                    prepared = part.prepare(prepared)
                if isinstance(part, Named):
                    pairs = (*pairs, part.pair(delivery))
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
