"""`gateway send`: a provider's sample events, signed as the provider signs, to a callback or an account."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer

from gateway import samples
from gateway.cli import AsJson, ConfigFile
from gateway.cli.showing import print_json, table
from gateway.cli.signing import ProviderName, SecretText, Signing, SourceName, signing
from gateway.cli.spoiling import STALE_SECONDS, tampered, verifies
from gateway.delivery import Delivery
from gateway.errors import ConfigurationError, Unverified
from gateway.providers.base import Provider
from gateway.providers.hmac import NAME as HMAC
from gateway.providers.reader import FieldReader
from gateway.providers.rewriting import place
from gateway.providers.sampling import filled, fresh, retyped, with_reference
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.jwt import JwtScheme
from gateway.providers.signatures.scheme import HeaderScheme

#: Of what a server says in place of an outcome.
_MOST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class _Ready:
    """A delivery to be sent, with what its first event is."""

    delivery: Delivery = field(repr=False)
    event: str
    id: str | None


@dataclass(frozen=True, slots=True)
class _Answered:
    """What came of a delivery; `status` is None where nobody answered."""

    event: str
    id: str | None
    status: int | None
    outcome: str
    milliseconds: int
    expected: bool


def send(
    provider: ProviderName,
    event: Annotated[str, typer.Argument(help="An event type, or success or failure.")] = "success",
    to: Annotated[str, typer.Option("--to", help="The URL: a callback's, or an account's.")] = "",
    source: SourceName = None,
    secret: SecretText = None,
    reference: Annotated[
        str | None, typer.Option(help="The callback's reference, for an account's URL.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="A value of the body, or header:NAME=VALUE."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="So many events, each with its own id.")] = 1,
    duplicate: Annotated[int, typer.Option(min=0, max=100, help="Send each so many times more.")] = 0,
    reorder: Annotated[bool, typer.Option("--reorder", help="Shuffle them.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Sign them as of a year ago.")] = False,
    tamper: Annotated[bool, typer.Option("--tamper", help="Change a signed digit of the body.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Send a provider's genuine sample events, with ids and times of their own, signed as the provider signs.

    Exit code 1 where the answer is not what such a delivery should get: 2xx, and what a refusal is for this
    provider (401) with --tamper or --stale.

    Example: gateway send stripe --to http://localhost:8000/s/stripe-eu --source stripe-eu --reference 4f1c9a
    """
    if not _is_url(to):
        raise typer.BadParameter("the URL to send to is needed, https://… or http://…", param_hint="--to")
    if stale and tamper:
        raise typer.BadParameter(
            "either --stale or --tamper: one reason to be refused", param_hint="--tamper"
        )
    found = signing(provider, source, secret, config)
    _can_sign(found.provider)
    order = [number for number in range(count) for _ in range(duplicate + 1)]
    if reorder:
        random.shuffle(order)

    @cache
    def made(number: int) -> _Ready:
        """An event as it is sent, each time: made when it is first, as a signature counts for minutes."""
        now = time.time()
        completed = _completed(found.provider, _sample(found, event, to, now), reference, values or ())
        return _signed(found, completed, now, stale, tamper)

    refused = found.provider.responses.unverified
    wanted = range(200, 300)
    if stale or tamper:
        wanted = range(refused.status, refused.status + 1) if refused else range(401, 402)
    _show(list(_sent(found.provider, map(made, order), wanted)), as_json)


def _can_sign(provider: Provider) -> None:
    """Refuse where the gateway verifies with keys that it gets from the provider itself."""
    scheme = provider.scheme
    if not provider.fetches or (isinstance(scheme, JwtScheme) and scheme.published is None):
        return
    raise ConfigurationError(
        f"{provider.title} signs with a private key that nobody else has, and the gateway fetches the "
        f"certificate or keys to check it from {provider.title}: nothing signed here could be accepted. "
        f"What works: its own test deliveries ({provider.documentation}), and `gateway verify "
        f"{provider.name}` of one that was kept"
    )


def _reader(provider: Provider) -> FieldReader:
    if not isinstance(provider.reader, FieldReader):
        raise ConfigurationError(
            f"{provider.title}'s events are read by a reader of its own: no sample of it"
        )
    return provider.reader


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _sample(of: Signing, event: str, to: str, now: float) -> Delivery:
    """A fresh sample of the kind or the type asked for."""
    provider, reader = of.provider, _reader(of.provider)
    found = {kind: samples.load(provider.name, kind, to) for kind in samples.KINDS}
    if provider.name == HMAC:
        # Where its values stand, and what they are, is the source's own choice.
        for kind, patterns in zip(samples.KINDS, (of.rules.succeed_on, of.rules.fail_on), strict=True):
            named = next((name for name in patterns if not name.endswith("*")), kind)
            found[kind] = filled(found[kind], reader, named)
    types = {kind: [one.type for one in reader.read(sample)] for kind, sample in found.items()}
    chosen = next((found[kind] for kind in found if event == kind or event in types[kind]), None)
    if chosen is None and not get_close_matches(event, samples.KINDS, cutoff=0.8):
        ending = event in (*provider.fail_on, *provider.fail_on_optional)
        order = samples.KINDS[::-1] if ending else samples.KINDS
        written = (retyped(found[kind], reader, event) for kind in order)
        chosen = next((one for one in written if one is not None), None)
    if chosen is None:
        known = ", ".join(dict.fromkeys(["success", "failure", *types["success"], *types["failure"]]))
        raise ConfigurationError(f'there is no sample of "{event}" from {provider.title}; there are {known}')
    return fresh(chosen, reader, secrets.token_hex(16), now)


def _completed(
    provider: Provider, delivery: Delivery, reference: str | None, values: Sequence[str]
) -> Delivery:
    """The delivery with the reference and the values that were asked for."""
    reader = _reader(provider)
    if reference is not None:
        try:
            delivery = with_reference(delivery, reader, reference)
        except ValueError as error:
            raise ConfigurationError(f"--reference: {provider.title}: {error}") from None
    for text in values:
        path, equals, value = text.partition("=")
        if not (path and equals):
            raise typer.BadParameter(f"{path} is not PATH=VALUE", param_hint="--set")
        name = path.removeprefix("header:")
        try:
            delivery = place(delivery, reader, name, value, header=name != path)
        except ValueError as error:
            raise ConfigurationError(f"--set: {error}") from None
    return delivery


def _signed(found: Signing, delivery: Delivery, now: float, stale: bool, tamper: bool) -> _Ready:
    provider = found.provider
    (event, *_) = _reader(provider).read(delivery)
    at = now - STALE_SECONDS if stale else now
    if provider.signed:
        try:
            delivery = provider.scheme.sign(delivery, found.keys[0], at)
        except (ValueError, Unverified) as error:
            raise ConfigurationError(f"{provider.title}: {error}; {_pair(provider)}") from None
    if stale and verifies(provider, delivery, found.keys, now):
        raise ConfigurationError(
            f"--stale: {provider.title} signs no time, so an old delivery is as good as a new one"
        )
    if tamper:
        changed = tampered(provider, delivery, found.keys, now)
        if changed is None:
            raise ConfigurationError(
                f"--tamper: {provider.title} signs nothing of the body, so a changed one is as good: "
                "its events are notifications"
            )
        delivery = changed
    return _Ready(delivery, event.type, event.id)


def _pair(provider: Provider) -> str:
    """What to do where the secret that is there is a public key."""
    scheme = provider.scheme
    algorithms = [one for _, one in scheme.algorithms] if isinstance(scheme, HeaderScheme) else []
    made = (
        f"file:key.txt: 32 bytes of seed and the 32 of the public key, in {algorithms[0].key_encoding}"
        if algorithms and isinstance(algorithms[0], Ed25519)
        else "file:key.pem (openssl genpkey -algorithm RSA, or -algorithm EC -pkeyopt "
        "ec_paramgen_curve:P-256 where that is the kind)"
    )
    return (
        "to sign, make a pair of your own, put the public key into a source's secrets, and give the private "
        f"one with --secret {made}"
    )


def _sent(provider: Provider, ready: Iterable[_Ready], wanted: range) -> Iterator[_Answered]:
    # A provider waits so long, and follows nobody elsewhere.
    with httpx.Client(timeout=provider.waits_for.total_seconds(), follow_redirects=False) as client:
        for one in ready:
            started = time.monotonic()
            status, outcome = None, ""
            try:
                headers = [(name, value.encode("latin-1")) for name, value in one.delivery.headers]
                answer = client.post(
                    one.delivery.url,
                    content=one.delivery.body,
                    headers=[(name.encode(), value) for name, value in headers],
                )
                status, outcome = answer.status_code, _outcome(answer)
            except httpx.HTTPError as error:
                # Its text may have the URL in it, which holds a token.
                outcome = f"no answer: {type(error).__name__}"
            took = round((time.monotonic() - started) * 1000)
            yield _Answered(one.event, one.id, status, outcome, took, status in wanted)


def _outcome(answer: httpx.Response) -> str:
    """What a gateway says became of it; of another server, its first words."""
    try:
        said = json.loads(answer.content)
        if isinstance(said, dict):
            told = said.get("outcomes") or [
                said.get("outcome") or said.get("code") or said.get("title") or ""
            ]
            return ", ".join(map(str, told))[:_MOST_SHOWN]
    except ValueError:
        pass
    text = " ".join(answer.text.split())[:_MOST_SHOWN]
    return text if text.isprintable() else ""


def _show(answered: Sequence[_Answered], as_json: bool) -> None:
    wrong = sum(not one.expected for one in answered)
    if as_json:
        print_json([asdict(one) for one in answered])
    else:
        rows = [
            (
                one.event,
                one.id or "-",
                str(one.status or "-"),
                f"{one.milliseconds} ms",
                one.outcome + ("" if one.expected else "  <- not as it should be"),
            )
            for one in answered
        ]
        table(("EVENT", "ID", "STATUS", "TIME", "OUTCOME"), rows)
        typer.echo(f"{len(answered)} sent, {wrong} not answered as they should be.")
    if wrong:
        raise typer.Exit(1)
