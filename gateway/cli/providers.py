"""`gateway providers`: the catalogue, as it is installed here. It asks no gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

import typer

from gateway.cli import AsJson, handshake_words, provider_page, suggesting
from gateway.cli import provider_words as words
from gateway.cli.showing import print_json, table
from gateway.cli.signature_words import describe
from gateway.errors import ConfigurationError
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from gateway.providers.hmac import NAME as HMAC

app = typer.Typer(help="Providers that a source can name: list, show, page.", no_args_is_help=True)

_HMAC_TEXT = (
    f"{HMAC}: any sender that signs with an HMAC; a source describes it in a table [sources.NAME.hmac], at "
    'least header = "X-Signature"'
)


@app.command("list")
def list_providers(as_json: AsJson = False) -> None:
    """
    List the providers with their URL's kind and what their signature covers.

    Example: gateway providers list
    """
    if as_json:
        print_json([_document(provider) for provider in CATALOGUE.values()])
        return
    table(
        ("NAME", "URL", "COVERS", "PROVIDER"),
        [
            (one.name, words.URL[one.url], one.covers, one.title + words.mark(one))
            for one in CATALOGUE.values()
        ],
    )
    typer.echo(f"And {_HMAC_TEXT}.")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The provider.", autocompletion=suggesting.providers)],
    as_json: AsJson = False,
) -> None:
    """
    Show how a provider signs, which events end a wait, and how it wants to be answered.

    Example: gateway providers show stripe
    """
    if name == HMAC:
        print_json({"name": HMAC, "text": _HMAC_TEXT}) if as_json else typer.echo(_HMAC_TEXT)
        return
    provider = _provider(name)
    if as_json:
        print_json(_document(provider))
        return
    typer.echo(f"{provider.name}: {provider.title}{words.mark(provider)}")
    for title, lines in _sections(provider):
        for place, line in enumerate(lines):
            typer.echo(f"  {'' if place else title:<11} {line}")


@app.command()
def page(
    name: Annotated[str, typer.Argument(help="The provider.", autocompletion=suggesting.providers)],
) -> None:
    """
    Print a provider's page in Markdown: how to set it up, from the secret to the first event.

    Example: gateway providers page stripe
    """
    if name == HMAC:
        typer.echo(_HMAC_TEXT)
        return
    typer.echo(provider_page.page(_provider(name)), nl=False)


def _provider(name: str) -> Provider:
    if name not in CATALOGUE:
        known = ", ".join([*CATALOGUE, HMAC])
        raise ConfigurationError(f'there is no provider "{name}"; there are {known}')
    return CATALOGUE[name]


def _sections(provider: Provider) -> Iterator[tuple[str, list[str]]]:
    yield "signature", describe(provider.scheme)
    yield "secret", words.secret(provider)
    yield "covers", [words.covers(provider)]
    yield "verified", [words.proves(provider)]
    yield "url", [words.where(provider)]
    if found := words.reference(provider):
        yield "reference", [found]
    yield "succeeds on", list(provider.succeed_on) or ["what the source names"]
    yield "fails on", list(provider.fail_on) or ["nothing"]
    if provider.fail_on_optional:
        optional = list(provider.fail_on_optional)
        yield "may fail on", ["only where the source's fail_on names it, as a success can follow:", *optional]
    yield "sends", [", ".join(provider.media_types) or "any media type"]
    answers = [f"{when}: {answer}" for when, answer in words.answers(provider)]
    yield "answers", answers
    yield "patience", words.patience(provider)
    if provider.handshakes:
        yield "registering", [handshake_words.describe(handshake) for handshake in provider.handshakes]
    if provider.quirks:
        yield "mind", list(provider.quirks)
    if provider.experimental:
        yield "experimental", [provider.experimental]
    if provider.unconfirmed:
        yield "unconfirmed", list(provider.unconfirmed)
    yield "see", [provider.documentation]


def _document(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "title": provider.title,
        "documentation": provider.documentation,
        "signature": describe(provider.scheme),
        "covers": provider.covers,
        "verified": provider.verified,
        "experimental": provider.experimental,
        "secrets_from": provider.secrets_from,
        "quirks": provider.quirks,
        "url": provider.url,
        "reference_field": provider.reference_field,
        "reference_max": provider.reference_max,
        "succeed_on": provider.succeed_on,
        "fail_on": provider.fail_on,
        "fail_on_optional": provider.fail_on_optional,
        "media_types": provider.media_types,
        "deadline": _seconds(provider.deadline),
        "retries": _seconds(provider.retries_for),
        "unconfirmed": provider.unconfirmed,
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
