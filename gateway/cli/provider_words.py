"""What a provider's declaration says, in words: for `gateway providers show` and for the provider's page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any, Literal

from gateway.delivery import Answer
from gateway.providers.base import Provider
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.asymmetric import EcdsaP256, Rsa
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.jwt import JwtScheme
from gateway.providers.signatures.scheme import HeaderScheme

#: The kind of a provider's URL.
URL = {"request": "each callback", "account": "account", "both": "either"}


def mark(provider: Provider) -> str:
    """What stands behind the name of one that is experimental."""
    return " (experimental)" if provider.experimental else ""


def covers(provider: Provider) -> str:
    """What a signature protects."""
    reader = provider.reader
    if isinstance(reader, FieldReader) and isinstance(reader.covered, tuple):
        return f"some fields of the body, and nothing else: {', '.join(reader.covered)}"
    if isinstance(reader, FieldReader) and reader.covered == "checksum":
        return "a checksum of the body, which another body can be given: nothing that it says is proved"
    return {
        "body": "the whole body",
        "fields": "some fields of the body, and nothing else",
        "nothing": "nothing",
    }[provider.covers]


def proves(provider: Provider) -> str:
    """What an event is worth."""
    if provider.verified == "notification":
        return "notification: an event only says that something happened; ask the provider what it was"
    return "signature: an event says what the provider said"


def where(provider: Provider) -> str:
    """Which URL the provider is given."""
    return {
        "request": "each callback has its own, /c/…",
        "account": "one for the account, /s/SOURCE: an event is found by its reference or an alias",
        "both": "each callback's own, /c/…, or one for the account, /s/SOURCE",
    }[provider.url]


def secret(provider: Provider) -> list[str]:
    """What the secret is, as far as the declaration knows, and where it is found."""
    if not provider.signed:
        return ["none: nothing is signed"]
    return [*dict.fromkeys(_hints(provider.scheme)), *filter(None, [provider.secrets_from])]


def _hints(thing: Any) -> Iterator[str]:
    """What the parts of a scheme say about the secret that they want."""
    if hint := getattr(thing, "hint", ""):
        yield hint
    if is_dataclass(thing):
        thing = tuple(getattr(thing, field.name) for field in fields(thing))
    if isinstance(thing, tuple):
        for part in thing:
            yield from _hints(part)


def signer(provider: Provider) -> Literal["secret", "key pair", "provider"]:
    """
    With what a sample can be signed: the source's secret, or the private key to the public one that is the
    source's secret; with nothing where the keys are fetched from the provider.
    """
    scheme = provider.scheme
    if isinstance(scheme, HeaderScheme):
        public = [isinstance(one, Rsa | EcdsaP256 | Ed25519) for _, one in scheme.algorithms]
        return "key pair" if all(public) else "secret"
    # A token may be signed with the secret itself.
    if isinstance(scheme, JwtScheme) and scheme.published is None:
        return "secret"
    return "provider" if provider.fetches else "secret"


def reference(provider: Provider) -> str | None:
    """Where our reference comes back; None where there is no field for it."""
    if provider.reference_field is None:
        return None
    most = f", at most {provider.reference_max} characters" if provider.reference_max else ""
    return provider.reference_field + most


def answers(provider: Provider) -> Iterator[tuple[str, str]]:
    """What the provider is answered: when, and what."""
    responses = provider.responses
    for what, answer, usual in (
        ("taken", responses.accepted, '200 {"outcome": …}'),
        ("kept", responses.pending, '202 {"outcome":"pending"}'),
        ("not verified", responses.unverified, "401"),
        ("gone, on a callback's own URL", responses.gone, '410 {"outcome": …}'),
    ):
        yield what, _answer(answer) if answer else usual


def patience(provider: Provider) -> list[str]:
    """How long the provider waits, and how long it repeats."""
    waits = "how long it waits for an answer is not published"
    if provider.deadline is not None:
        waits = f"it waits {_span(provider.deadline)} for an answer"
    repeats = "for how long it repeats what failed is not published"
    if provider.retries_for is not None:
        span = provider.retries_for
        repeats = f"it repeats for {_span(span)}" if span else "it repeats nothing by itself"
    return [waits, repeats]


def _answer(answer: Answer) -> str:
    return f"{answer.status} {answer.body.decode(errors='replace')}".rstrip()


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
