"""`gateway verify`: a delivery that was kept, looked at step by step as the gateway does."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import AsJson, ConfigFile
from gateway.cli.findings import Finding, fail, ok, show
from gateway.cli.header_file import parse
from gateway.cli.mismatch import guesses
from gateway.cli.signing import ProviderName, SecretText, SourceName, signing
from gateway.delivery import Challenge, Delivery
from gateway.errors import ConfigurationError, GatewayError, Malformed, Stale, TryLater, Unverified
from gateway.providers.base import Provider
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.sending.signing import Signing
from gateway.sending.spoiling import STALE_SECONDS, verifies

#: Few sign the URL; for the others it does not matter.
_NO_URL = "https://unknown.invalid/"


def verify(
    provider: ProviderName,
    headers: Annotated[Path, typer.Option(help="The file with the request's headers.")],
    body: Annotated[Path, typer.Option(help="The file with the request's body, byte for byte.")],
    url: Annotated[
        str, typer.Option(help="The URL that was registered, with the query that came: some sign it.")
    ] = _NO_URL,
    source: SourceName = None,
    secret: SecretText = None,
    at: Annotated[
        str | None, typer.Option(help="When it came, 2026-11-22T20:36:40Z or in seconds; now without it.")
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(help="The provider's certificate or keys, where it has some; fetched without it."),
    ] = None,
    method: Annotated[str, typer.Option(help="The request's method.")] = "POST",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Say which step of a delivery's verification holds, which fails, and why. It shows no secret.

    Exit code 1 where a step fails.

    Example: gateway verify stripe --headers headers.txt --body body.json --source stripe-eu
    """
    now = time.time() if at is None else _moment(at)
    found = signing(provider, source, secret, config)
    try:
        given = parse(_read(headers).decode("latin-1"))
    except ValueError as error:
        raise ConfigurationError(f"--headers: {headers}: {error}") from None
    delivery = Delivery(method.upper(), url, given, _read(body), now)
    show(list(_steps(found, delivery, now, published)), as_json)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None


def _moment(text: str) -> float:
    try:
        if re.fullmatch(r"\d{1,12}(\.\d+)?", text):
            return float(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("2026-11-22T20:36:40Z or seconds are needed", param_hint="--at") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _steps(found: Signing, delivery: Delivery, now: float, published: Path | None) -> Iterator[Finding]:
    provider = found.provider
    if provider.signed:
        yield ok("secret", f"{len(found.keys)}, of the form that {provider.title} gives out")
    else:
        yield ok("secret", f"none: {provider.title} signs nothing, the URL is the only proof")
    wrong = list(_header_problems(provider, delivery))
    yield from wrong
    if wrong:
        return
    yield ok("headers", ", ".join(sorted(_needed(provider))) or "none is needed")
    try:
        if (question := provider.greet(delivery, found.keys)) is not None:
            yield _asked(question)
            return
        provider = _with_published(provider, found, delivery, published)
    except TryLater as error:
        yield fail("signature", _said(error), "fetch it yourself and give it with --published FILE")
        return
    except GatewayError as error:
        yield fail("signature", _said(error), "see whether headers and body are of one delivery, as it came")
        return
    failed = _unverified(replace(found, provider=provider), delivery, now)
    yield from failed
    if not any(one.level == "fail" for one in failed):
        yield _event(provider, found, delivery)


def _needed(provider: Provider) -> frozenset[str]:
    """The headers that have to be there."""
    scheme = provider.scheme
    if isinstance(scheme, HeaderScheme):
        return scheme.covered_headers | ({scheme.header} if not scheme.beside else frozenset())
    return scheme.headers


def _header_problems(provider: Provider, delivery: Delivery) -> Iterator[Finding]:
    scheme = provider.scheme
    for name in sorted(_needed(provider)):
        count = len(delivery.headers.every(name))
        if not count:
            yield fail(
                "headers",
                f"{name} is missing, from which {provider.title} is verified",
                "keep all headers as they come; a proxy may have dropped it, or it is not from this provider",
            )
        elif count > 1 and not (
            isinstance(scheme, HeaderScheme) and scheme.repeats and name == scheme.header
        ):
            yield fail(
                "headers", f"{name} is there {count} times", "one is needed: two contradict each other"
            )


def _with_published(
    provider: Provider, found: Signing, delivery: Delivery, published: Path | None
) -> Provider:
    needed = provider.needs(delivery, found.keys)
    if needed is None:
        return provider
    if published is not None:
        return provider.given(_read(published))
    # The network is for the few that need it.
    from gateway.fetcher import Fetcher

    # Its log is for people, and what is printed may be JSON.
    with redirect_stdout(sys.stderr):
        return provider.given(asyncio.run(Fetcher().get(needed)))


def _unverified(found: Signing, delivery: Delivery, now: float) -> list[Finding]:
    """The signature and its time."""
    provider = found.provider
    try:
        place = provider.verify(delivery, found.keys, now)
    except Stale as error:
        return [
            ok("signature", "it fits"),
            fail(
                "timestamp",
                f"{_said(error)} at {_utc(now)}",
                "where it came earlier, say when with --at; where it did just now, set the clock",
            ),
        ]
    except Unverified as error:
        told = guesses(provider, delivery, found.secrets, now)
        return [
            fail("signature", _said(error), told[0]),
            *(fail("signature", "or", more) for more in told[1:]),
        ]
    which = f" with the secret in place {place}" if len(found.keys) > 1 else ""
    if not provider.signed:
        return [ok("signature", "nothing is signed")]
    fits = ok("signature", f"it fits{which}")
    if not _timed(found, delivery, now):
        return [fits]
    return [fits, ok("timestamp", f"it counts at {_utc(now)}")]


def _timed(found: Signing, delivery: Delivery, now: float) -> bool:
    """Whether a time is signed: then the delivery does not count a year later."""
    return not verifies(found.provider, delivery, found.keys, now + STALE_SECONDS)


def _event(provider: Provider, found: Signing, delivery: Delivery) -> Finding:
    try:
        read = provider.read(delivery, found.keys)
    except (Malformed, Unverified) as error:
        return fail("event", _said(error), f"see {provider.documentation} for what is sent")
    if isinstance(read, Challenge):
        return _asked(read)
    texts = [f"{one.type}{f', id {one.id}' if one.id else ''}" for one in read]
    worth = "" if provider.verified == "signature" else "; a notification: ask the provider what it was"
    return ok("event", "; ".join(texts) + worth if texts else "none in it")


def _asked(question: Challenge) -> Finding:
    return ok("event", f"none: a question at registration, which is answered {question.answer.status}")


def _said(error: GatewayError) -> str:
    return str(error.detail or error.title)


def _utc(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S}Z"
