"""
What a provider is: a declaration of how it signs, what it says, and how it wants to be answered.

A declaration is data built from the primitives in `gateway.providers.signatures` and the fields
below. Nothing here performs I/O, reads a clock or an environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, Protocol, cast

from gateway.delivery import Answer, Challenge, Delivery, Event
from gateway.outcome import Outcome
from gateway.providers.fetch import Fetch
from gateway.providers.handshakes import Registration
from gateway.providers.signatures.token import TokenScheme
from gateway.secret import Secret


class Scheme(Protocol):
    """How deliveries are signed and what checks that."""

    @property
    def signed(self) -> bool:
        """Whether there is a secret to check: without one, a source is closed."""
        ...

    @property
    def headers(self) -> frozenset[str]:
        """The names, in lower case, of the headers that verification reads: kept for a replay."""
        ...

    def key(self, secret: Secret) -> Secret:
        """
        The key bytes of a secret as it is configured (decoded from base64 or hex where the provider
        wants that); raises `ValueError`, without the secret in it, for one of the wrong form.
        """
        ...

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """
        The index of the key that verified the delivery; raises `Unverified` where none did.

        `now` is in seconds since the epoch. No other exception comes out, whatever the input.
        """
        ...

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The same delivery as the provider would send it, signed at `now`."""
        ...


class FetchingScheme(Scheme, Protocol):
    """A scheme that can't verify without something that has to be fetched."""

    def needs(self, delivery: Delivery, keys: Sequence[Secret]) -> Fetch | None:
        """What to fetch for a delivery; raises `Unverified` for one that is not worth it."""
        ...

    def given(self, material: bytes) -> Scheme:
        """The scheme with what was fetched."""
        ...


class Reader(Protocol):
    """How a verified delivery is read."""

    @property
    def headers(self) -> frozenset[str]:
        """The names, in lower case, of the headers that reading needs: kept for a replay."""
        ...

    def read(self, delivery: Delivery, correlate: bool = True) -> tuple[Event, ...]:
        """
        The events of a delivery, their references and objects only to `correlate` them.

        Raises `Malformed` where it can't be read, `Unverified` where a header that is read is repeated, and
        nothing else.
        """
        ...

    @property
    def correlates(self) -> bool:
        """Whether anything that it reads can name a callback: our reference, or an object with an alias."""
        ...

    def with_reference(self, field: str) -> Reader:
        """A reader that finds our reference in another field; `ValueError` for one not covered."""
        ...


class Handshake(Protocol):
    """A provider's question at registration, answered without an effect."""

    @property
    def method(self) -> str:
        """The HTTP method that the question comes by; only what is named here is taken beside POST."""
        ...

    @property
    def signed(self) -> bool:
        """Whether the question is signed as events are: answered only after verification, then."""
        ...

    @property
    def headers(self) -> frozenset[str]:
        """The names, in lower case, of the headers that are read."""
        ...

    def answer(self, delivery: Delivery, keys: Sequence[Secret]) -> Challenge | None:
        """
        The question with its answer, or None where the delivery is not this question.

        `keys` are the source's, the first of which answers where an answer is signed. Raises `Malformed`
        and, where the question is refused, `Unverified`; nothing else.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Responses:
    """
    How a provider wants to be answered, where it differs from the gateway's own defaults.

    None is the default: `{"outcome": …}` with 200 or 202, and a problem document for refusals. What no
    callback waits for is answered as `accepted`, and "try again later" is 503 with `Retry-After`: every
    provider that repeats anything repeats that.
    """

    accepted: Answer | None = None
    pending: Answer | None = None
    #: In place of the 401 for a signature that is missing, wrong or stale.
    unverified: Answer | None = None
    #: In place of the 410 on a per-callback URL.
    gone: Answer | None = None


#: What is counted with where a vendor publishes no number: what most others wait and repeat.
_USUAL_DEADLINE = timedelta(seconds=10)
_USUAL_REPEATS = timedelta(days=3)

#: For those to whom 202 is a failure.
EXACTLY_200 = Responses(pending=Answer(200, b'{"outcome":"pending"}'))

#: The usual answers, made once.
_PENDING = Answer(202, b'{"outcome":"pending"}')
_ONE = {outcome: Answer(200, b'{"outcome":"%s"}' % outcome.encode()) for outcome in Outcome}


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """
    A vendor in the catalogue.

    `url` says whether the provider takes a URL with each request, has one per account, or both.
    `covers` says what the signature really protects: the body, some fields of it, or nothing.
    `succeed_on` and `fail_on` are the event types that end a wait; failures only where no success can
    follow (`fail_on_optional` lists what a source may opt in to). `media_types` are those the provider
    sends, () for any. `deadline` is how long it waits for an answer and `retries_for` how long it
    repeats a delivery that was not acknowledged, nothing where it does not; None where no number is known.
    `reference_max` is the length that its reference field holds. `documentation` is the vendor's page.

    `verified` says what an accepted delivery is worth. "notification": something happened, and what it was
    has to be asked of the provider, because whoever has seen one delivery could write another (nothing of
    the content is signed, or as good as nothing). `experimental` says what is not confirmed of how it
    signs; a source has to say that it wants to use it all the same. `secrets_from` says where a secret is
    found at the provider, or who chooses it, and `quirks` what somebody who sets it up has to know besides.
    """

    name: str
    title: str
    documentation: str
    scheme: Scheme
    reader: Reader
    covers: Literal["body", "fields", "nothing"]
    url: Literal["request", "account", "both"]
    succeed_on: tuple[str, ...]
    fail_on: tuple[str, ...] = ()
    fail_on_optional: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ("application/json",)
    handshakes: tuple[Handshake, ...] = ()
    responses: Responses = field(default_factory=Responses)
    deadline: timedelta | None = None
    retries_for: timedelta | None = None
    reference_field: str | None = None
    reference_max: int | None = None
    verified: Literal["signature", "notification"] = "signature"
    experimental: str | None = None
    secrets_from: str | None = None
    quirks: tuple[str, ...] = ()
    #: Texts of this page that the vendor's own documentation did not confirm.
    unconfirmed: tuple[str, ...] = ()
    #: The headers that verifying and reading need, in lower case: what a stored delivery keeps.
    headers: frozenset[str] = field(init=False, repr=False, compare=False)
    #: Whether verifying may need something that has to be fetched.
    fetches: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        greeting = (handshake.headers for handshake in self.handshakes)
        headers = frozenset({"content-type"}).union(self.scheme.headers, self.reader.headers, *greeting)
        object.__setattr__(self, "headers", headers)
        object.__setattr__(self, "fetches", hasattr(self.scheme, "needs"))
        if self.covers == "nothing" and self.verified != "notification":
            raise ValueError(f"{self.name}: nothing is covered, so its events are notifications")

    def key(self, secret: Secret) -> Secret:
        """The verification key of a configured secret; `ValueError` for one of the wrong form."""
        return self.scheme.key(secret)

    @property
    def visits(self) -> bool:
        """Whether it sends a URL that is to be visited to confirm its registration."""
        return any(isinstance(one, Registration) and one.visit for one in self.handshakes)

    def needs(self, delivery: Delivery, keys: Sequence[Secret]) -> Fetch | None:
        """What has to be fetched before a delivery can be verified; `Unverified` where it never will be."""
        return cast(FetchingScheme, self.scheme).needs(delivery, keys) if self.fetches else None

    def given(self, material: bytes) -> Provider:
        """The provider with what was fetched for a delivery."""
        return replace(self, scheme=cast(FetchingScheme, self.scheme).given(material))

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """The index of the key that verified the delivery; `Unverified` otherwise."""
        return self.scheme.verify(delivery, keys, now)

    @property
    def waits_for(self) -> timedelta:
        """How long it is taken to wait for an answer."""
        return self.deadline or _USUAL_DEADLINE

    @property
    def repeats_within(self) -> timedelta:
        """
        How long after the first a repeat has to be counted with.

        What a provider does not repeat by itself can be sent again by hand.
        """
        return self.retries_for or _USUAL_REPEATS

    @property
    def methods(self) -> frozenset[str]:
        """The HTTP methods that a delivery or a handshake may come by."""
        return frozenset({"POST", *(handshake.method for handshake in self.handshakes)})

    def greet(self, delivery: Delivery, keys: Sequence[Secret]) -> Challenge | None:
        """
        The handshake that a delivery is, of those that nobody signs: asked before verification.

        Raises `Malformed` or `Unverified` where it is one and can't be answered.
        """
        return self._challenge(delivery, keys, signed=False) if self.handshakes else None

    def kept(self, delivery: Delivery) -> Delivery:
        """The delivery as it may be stored: without a secret that came along, and good to verify again."""
        return self.scheme.kept(delivery) if isinstance(self.scheme, TokenScheme) else delivery

    def read(
        self, delivery: Delivery, keys: Sequence[Secret] = (), correlate: bool = True
    ) -> tuple[Event, ...] | Challenge:
        """
        The events of a verified delivery, or the handshake that it is; `Malformed` otherwise.

        Whoever knows the callback by the URL needs not `correlate`: references and objects are not read then.
        """
        challenge = self._challenge(delivery, keys, signed=True) if self.handshakes else None
        return challenge or self.reader.read(delivery, correlate)

    def _challenge(self, delivery: Delivery, keys: Sequence[Secret], signed: bool) -> Challenge | None:
        for handshake in self.handshakes:
            if handshake.signed is not signed or handshake.method != delivery.method:
                continue
            if (challenge := handshake.answer(delivery, keys)) is not None:
                return challenge
        return None

    def acknowledge(self, outcomes: Sequence[Outcome]) -> Answer:
        """The answer to a delivery whose events all came to an outcome that is acknowledged."""
        if Outcome.PENDING in outcomes:
            return self.responses.pending or _PENDING
        if self.responses.accepted is not None:
            return self.responses.accepted
        if len(outcomes) == 1:
            return _ONE[outcomes[0]]
        listed = b",".join(b'"%s"' % outcome.encode() for outcome in outcomes)
        return Answer(200, b'{"outcomes":[%s]}' % listed)

    @property
    def signed(self) -> bool:
        """Whether a source needs a secret: only `unsigned` checks nothing, its URL is the only proof."""
        return self.scheme.signed

    def with_verify_token(self, token: Secret) -> Provider:
        """The provider whose handshake asks for a source's verify_token; `ValueError` where none does."""
        asking = [one for one in self.handshakes if isinstance(one, Registration) and one.wants_token]
        if not asking:
            raise ValueError(f"{self.title} asks for no verify_token; leave it out")
        others = tuple(one for one in self.handshakes if one not in asking)
        return replace(self, handshakes=(*(one.with_token(token) for one in asking), *others))

    def with_reference(self, field: str) -> Provider:
        """
        The provider for a source that carries our reference in another field, `data.metadata.order` say.

        `ValueError` for a field that is not covered by the signature, or is not written as
        `gateway.providers.fields` says.
        """
        return replace(
            self, reader=self.reader.with_reference(field), reference_field=field, reference_max=None
        )
