"""A provider and its secrets, as `gateway send` and `gateway verify` are told them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from gateway import settings, sources
from gateway.cli import suggesting
from gateway.errors import ConfigurationError
from gateway.given import read_secret
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from gateway.providers.hmac import NAME as HMAC
from gateway.rules import Rules
from gateway.secret import Secret
from gateway.sending.signing import Signing, key_of

ProviderName = Annotated[str, typer.Argument(help="The provider.", autocompletion=suggesting.providers)]
SourceName = Annotated[
    str | None,
    typer.Option(
        "--source", help="Take secret and reference field of this source.", autocompletion=suggesting.sources
    ),
]
SecretText = Annotated[
    str | None,
    typer.Option("--secret", help="The signing secret: file:PATH, env:NAME, or the text itself."),
]


def signing(name: str, source: str | None, secret: str | None, config: Path | None) -> Signing:
    """What is known of a provider's secret; `ConfigurationError` that says what is missing or wrong."""
    provider, rules, secrets = _configured(name, source, config) if source else _named(name)
    if secret is not None:
        text = read_secret("--secret", SecretStr(secret), os.environ)
        if not text:
            # A file's or a variable's name may be shown, a secret not.
            raise ConfigurationError(
                f"--secret: there is nothing at {secret}"
                if secret.startswith(("file:", "env:"))
                else "--secret: it is empty"
            )
        secrets = (text,)
    if not provider.signed:
        return Signing(provider, rules, (), ())
    if not secrets:
        raise ConfigurationError(
            f"{provider.title} signs, and no secret is given: name the source that has it with --source, or "
            "give --secret file:PATH, env:NAME or the text. The secrets that come with the samples are known "
            "to everybody, so no gateway should accept them"
            if source is None
            else f"the source {source} has no secret: every webhook to it is answered 401"
        )
    return Signing(provider, rules, secrets, [key_of(provider, one) for one in secrets])


def _named(name: str) -> tuple[Provider, Rules, Sequence[Secret]]:
    if name == HMAC:
        raise ConfigurationError(
            f"how {HMAC} signs stands in a source's settings: name it with --source NAME"
        )
    if name not in CATALOGUE:
        known = ", ".join([*CATALOGUE, HMAC])
        raise ConfigurationError(f'there is no provider "{name}"; there are {known}')
    found = CATALOGUE[name]
    return found, Rules(found.succeed_on, found.fail_on), ()


def _configured(name: str, source: str, config: Path | None) -> tuple[Provider, Rules, Sequence[Secret]]:
    configured = sources.load(settings.load(config))
    found = configured.get(source)
    if found is None:
        known = ", ".join(configured.by_name) or "none"
        raise ConfigurationError(f'there is no source "{source}" in the configuration; there are {known}')
    if found.provider.name != name:
        raise ConfigurationError(f"the source {source} is of {found.provider.name}, not of {name}")
    return found.provider, found.rules, [one.text for one in found.secrets if one.text is not None]
