"""`gateway providers`: the catalogue, as it is installed here. It asks no gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

import typer

from gateway.cli import AsJson, suggesting
from gateway.cli.showing import print_json, table
from gateway.cli.signature_words import describe
from gateway.delivery import Answer
from gateway.errors import ConfigurationError
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from gateway.providers.hmac import NAME as HMAC

app = typer.Typer(help="Providers that a source can name: list, show.", no_args_is_help=True)

_URL = {"request": "each callback", "account": "account", "both": "either"}
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
        [(one.name, _URL[one.url], one.covers, one.title + _mark(one)) for one in CATALOGUE.values()],
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
    provider = CATALOGUE.get(name)
    if provider is None:
        known = ", ".join([*CATALOGUE, HMAC])
        raise ConfigurationError(f'there is no provider "{name}"; there are {known}')
    if as_json:
        print_json(_document(provider))
        return
    typer.echo(f"{provider.name}: {provider.title}{_mark(provider)}")
    for title, lines in _sections(provider):
        for place, line in enumerate(lines):
            typer.echo(f"  {'' if place else title:<11} {line}")


def _mark(provider: Provider) -> str:
    return " (experimental)" if provider.experimental else ""


def _sections(provider: Provider) -> Iterator[tuple[str, list[str]]]:
    yield "signature", describe(provider.scheme)
    yield "covers", [_covers(provider)]
    yield "url", [_where(provider)]
    if provider.reference_field is not None:
        most = f", at most {provider.reference_max} characters" if provider.reference_max else ""
        yield "reference", [f"{provider.reference_field}{most}"]
    yield "succeeds on", list(provider.succeed_on) or ["what the source names"]
    yield "fails on", list(provider.fail_on) or ["nothing"]
    if provider.fail_on_optional:
        optional = list(provider.fail_on_optional)
        yield "may fail on", ["only where the source's fail_on names it, as a success can follow:", *optional]
    yield "sends", [", ".join(provider.media_types) or "any media type"]
    yield "answers", list(_answers(provider))
    if provider.handshakes:
        yield "registering", [_first_line(handshake) for handshake in provider.handshakes]
    if provider.experimental:
        yield "experimental", [provider.experimental]
    if provider.unconfirmed:
        yield "unconfirmed", list(provider.unconfirmed)
    yield "see", [provider.documentation]


def _covers(provider: Provider) -> str:
    what = {
        "body": "the whole body",
        "fields": "some fields of the body, and nothing else",
        "nothing": "nothing",
    }[provider.covers]
    if provider.verified == "notification":
        return f"{what}: an event only says that something happened; ask the provider what it was"
    return what


def _where(provider: Provider) -> str:
    return {
        "request": "each callback has its own, /c/…",
        "account": "one for the account, /s/SOURCE: an event is found by its reference or an alias",
        "both": "each callback's own, /c/…, or one for the account, /s/SOURCE",
    }[provider.url]


def _answers(provider: Provider) -> Iterator[str]:
    responses = provider.responses
    for what, answer, usual in (
        ("taken", responses.accepted, '200 {"outcome": …}'),
        ("kept", responses.pending, '202 {"outcome":"pending"}'),
        ("not verified", responses.unverified, "401 and a problem document"),
        ("gone", responses.gone, '410 {"outcome": …}'),
    ):
        yield f"{what}: {_answer(answer) if answer else usual}"
    yield f"waits {_span(provider.deadline)} for an answer, repeats for {_span(provider.retries_for)}"


def _answer(answer: Answer) -> str:
    return f"{answer.status} {answer.body.decode(errors='replace')}".rstrip()


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _first_line(thing: object) -> str:
    return (type(thing).__doc__ or type(thing).__name__).strip().partition("\n")[0]


def _document(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "title": provider.title,
        "documentation": provider.documentation,
        "signature": describe(provider.scheme),
        "covers": provider.covers,
        "verified": provider.verified,
        "experimental": provider.experimental,
        "url": provider.url,
        "reference_field": provider.reference_field,
        "reference_max": provider.reference_max,
        "succeed_on": provider.succeed_on,
        "fail_on": provider.fail_on,
        "fail_on_optional": provider.fail_on_optional,
        "media_types": provider.media_types,
        "deadline_seconds": provider.deadline.total_seconds(),
        "retries_for_seconds": provider.retries_for.total_seconds(),
        "unconfirmed": provider.unconfirmed,
    }
