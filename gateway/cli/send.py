"""`gateway send`: a provider's sample events, signed as the provider signs, to a callback or an account."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer

from gateway.cli import AsJson, ConfigFile
from gateway.cli.showing import print_json, table
from gateway.cli.signing import ProviderName, SecretText, SourceName, signing
from gateway.errors import ConfigurationError
from gateway.providers.base import Provider
from gateway.providers.signatures.jwt import JwtScheme
from gateway.sending.events import completed, sample
from gateway.sending.posting import Answered, post
from gateway.sending.signing import Ready, signed


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
    given = dict(map(_pair, values or ()))
    order = [number for number in range(count) for _ in range(duplicate + 1)]
    if reorder:
        random.shuffle(order)

    @cache
    def made(number: int) -> Ready:
        """An event as it is sent, each time: made when it is first, as a signature counts for minutes."""
        now = time.time()
        delivery = sample(found.provider, found.rules, event, to, now)
        delivery = completed(found.provider, delivery, reference, values=given)
        return signed(found, delivery, now, stale=stale, tamper=tamper)

    refused = found.provider.responses.unverified
    wanted = range(200, 300)
    if stale or tamper:
        wanted = range(refused.status, refused.status + 1) if refused else range(401, 402)
    _show(asyncio.run(_sent(found.provider, map(made, order))), wanted, as_json)


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


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _pair(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not (path and equals):
        raise typer.BadParameter(f"{path} is not PATH=VALUE", param_hint="--set")
    return path, value


async def _sent(provider: Provider, ready: Iterable[Ready]) -> list[Answered]:
    # A provider waits so long.
    seconds = provider.waits_for.total_seconds()
    async with httpx.AsyncClient() as client:
        return [await post(client, one, seconds) for one in ready]


def _show(answered: Sequence[Answered], wanted: range, as_json: bool) -> None:
    wrong = sum(one.status not in wanted for one in answered)
    if as_json:
        names = ("event", "id", "status", "outcome", "milliseconds")
        print_json(
            [
                {name: getattr(one, name) for name in names} | {"expected": one.status in wanted}
                for one in answered
            ]
        )
    else:
        rows = [
            (
                one.event,
                one.id or "-",
                str(one.status or "-"),
                f"{one.milliseconds} ms",
                one.outcome + ("" if one.status in wanted else "  <- not as it should be"),
            )
            for one in answered
        ]
        table(("EVENT", "ID", "STATUS", "TIME", "OUTCOME"), rows)
        typer.echo(f"{len(answered)} sent, {wrong} not answered as they should be.")
    if wrong:
        raise typer.Exit(1)
