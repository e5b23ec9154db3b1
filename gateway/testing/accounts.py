"""A provider's account for a test: the gateway's source for it, and what its events are signed with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway import samples
from gateway.errors import ConfigurationError
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from gateway.sending.signing import Signing, key_of
from gateway.sources import Source
from gateway.testing import keypairs
from gateway.testing.configuration import Configuration
from gateway.testing.published import PublishedKeys


@dataclass(frozen=True, slots=True)
class Account:
    """A source, and its provider with all that signs. `secret` is its text, "" where nothing is signed."""

    source: Source
    signing: Signing
    secret: str = field(repr=False)


def open_account(
    configuration: Configuration, published: PublishedKeys, provider: str, name: str, given: Mapping[str, Any]
) -> Account:
    """
    Configure a source, with a secret made for it where `given`, its settings, have none.

    Raises `ConfigurationError` that says what is wrong with the settings.
    """
    table: dict[str, Any] = {"provider": provider, **_needed(provider), **given}
    source = configuration.source(name, table)
    if not source.provider.signed:
        return Account(source, Signing(source.provider, source.rules, (), ()), "")
    if "secrets" in given:
        secret = _first(source)
    else:
        pair = keypairs.pair(source.provider.scheme)
        secret = pair.private if pair else samples.secret(source.provider, secrets.token_hex(16))
        source = configuration.source(name, {**table, "secrets": [pair.public if pair else secret]})
    keys = [key_of(source.provider, Secret(secret))]
    signer = published.publish(source.provider, keys)
    return Account(source, Signing(signer, source.rules, [Secret(secret)], keys), secret)


def _needed(name: str) -> dict[str, bool]:
    """The settings without which a source of a provider is refused, and which say nothing about a test."""
    provider = CATALOGUE.get(name)
    if provider is None:
        return {}
    own_url = provider.url == "account" and not provider.reader.correlates
    return {"experimental": provider.experimental is not None, "per_callback_url": own_url}


def _first(source: Source) -> str:
    """The first of a source's secrets, as it was given."""
    for one in source.secrets:
        if one.text is not None:
            return one.text.reveal().decode()
    raise ConfigurationError(f"sources.{source.name}.secrets: there is none to sign with")
