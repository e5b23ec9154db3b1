"""
The configured sources, ready for use: provider, verification keys, rules.

Built from settings, environment and secret files at start; a mistake in any of them is a
`ConfigurationError` that names the setting, never the secret.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from gateway import settings as config
from gateway.errors import ConfigurationError, Invalid
from gateway.providers import CATALOGUE, hmac
from gateway.providers.base import Provider
from gateway.rules import Rules
from gateway.secret import Secret

#: Shorter ones are guessed; 128 bits of hex are twice as long.
MIN_SECRET_LENGTH = 16
#: What is left in a file that was copied from an example.
_PLACEHOLDER = re.compile(
    r"^(<.*>|\.*|x+|change.?me.*|placeholder.*|your[-_ ].*|example.*|todo.*"
    r"|test|secret|password|dummy|none|null)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """One configured account at a provider. `keys` are the verification keys, in the order configured."""

    name: str
    provider: Provider
    rules: Rules
    keys: tuple[Secret, ...] = field(repr=False)
    per_callback_url: bool

    @property
    def closed(self) -> bool:
        """Whether nothing can be verified: a source without a secret answers 401 to everything."""
        return self.provider.signed and not self.keys

    @property
    def gives_url(self) -> bool:
        """Whether a callback of this source has an URL of its own."""
        return self.per_callback_url or self.provider.url != "account"


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources, by name."""

    by_name: dict[str, Source]
    #: Secrets that the configuration names and that are not there, for the log: "sources.x.secrets[0]: …".
    absent: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Source:
        return self.by_name[name]

    def get(self, name: str) -> Source | None:
        """The source with a name."""
        return self.by_name.get(name)

    @property
    def closed(self) -> list[str]:
        """The names of the sources that have no secret."""
        return sorted(source.name for source in self.by_name.values() if source.closed)


def load(settings: config.Settings, environ: Mapping[str, str] | None = None) -> Sources:
    """The sources that the settings describe. Raises `ConfigurationError`."""
    environ = os.environ if environ is None else environ
    absent: list[str] = []
    by_name = {
        name: _source(name, chosen, environ, absent) for name, chosen in sorted(settings.sources.items())
    }
    longest = max((s.provider.retries_for for s in by_name.values()), default=timedelta())
    needed = settings.callbacks.max_expiry + longest
    if settings.ledger.keep_rows < needed:
        days = -(-needed // timedelta(days=1))  # rounded up
        raise ConfigurationError(
            f"ledger.keep_rows: {settings.ledger.keep_rows} is too short: a callback may wait "
            f"{settings.callbacks.max_expiry} (callbacks.max_expiry) and a provider repeats for up to "
            f"{longest} more; {days}d or more is needed, or a repeat could take effect again"
        )
    return Sources(by_name, tuple(absent))


def _source(name: str, chosen: config.Source, environ: Mapping[str, str], absent: list[str]) -> Source:
    where = f"sources.{name}"
    provider = _provider(where, chosen)
    keys = []
    for place, text in enumerate(chosen.secrets):
        setting = f"{where}.secrets[{place}]"
        secret = read_secret(setting, text, environ)
        if secret is None:
            absent.append(f"{setting}: {text.get_secret_value()} is not there")
            continue
        check_secret(setting, secret)
        try:
            keys.append(provider.key(secret))
        except ValueError as error:
            raise ConfigurationError(f"{setting}: {error}") from None
    try:
        rules = Rules(
            provider.succeed_on if chosen.succeed_on is None else chosen.succeed_on,
            provider.fail_on if chosen.fail_on is None else chosen.fail_on,
        )
    except Invalid as error:
        raise ConfigurationError(f"{where}.{error.detail}") from None
    return Source(name, provider, rules, tuple(keys), chosen.per_callback_url)


def _provider(where: str, chosen: config.Source) -> Provider:
    if chosen.provider == hmac.NAME:
        if chosen.hmac is None:
            raise ConfigurationError(
                f'{where}.hmac: a source with provider = "hmac" needs a table [{where}.hmac] that says how '
                'it signs, at least header = "X-Signature"'
            )
        provider = hmac.declare(chosen.hmac)
    elif chosen.hmac is not None:
        raise ConfigurationError(f'{where}.hmac: only a source with provider = "hmac" has this table')
    elif chosen.provider in CATALOGUE:
        provider = CATALOGUE[chosen.provider]
    else:
        known = ", ".join([*CATALOGUE, hmac.NAME])
        raise ConfigurationError(f'{where}.provider: "{chosen.provider}" is not known; there are {known}')
    if provider.experimental and not chosen.experimental:
        raise ConfigurationError(
            f'{where}.experimental: provider = "{provider.name}" is experimental: {provider.experimental}; '
            "say experimental = true to use it all the same, and try it with a delivery of its own first"
        )
    if chosen.reference is not None:
        try:
            provider = provider.with_reference(chosen.reference)
        except ValueError as error:
            raise ConfigurationError(f"{where}.reference: {error}") from None
    if not provider.signed and chosen.secrets:
        raise ConfigurationError(f'{where}.secrets: provider = "{provider.name}" checks none; leave them out')
    return provider


def read_secret(setting: str, given: SecretStr, environ: Mapping[str, str]) -> Secret | None:
    """
    The secret that `file:…`, `env:…` or the text itself gives; None where file or variable is absent.

    Raises `ConfigurationError` for a file that is there and can't be read.
    """
    text = given.get_secret_value()
    kind, _, rest = text.partition(":")
    if kind == "env":
        value = environ.get(rest)
        return None if value is None else Secret(value.strip())
    if kind == "file":
        try:
            return Secret(Path(rest).read_bytes().strip())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{setting}: {rest}: {error.strerror}") from None
    return Secret(text.strip())


def ledger_url(settings: config.Settings, environ: Mapping[str, str]) -> Secret:
    """The ledger's URL; `ConfigurationError` where the file or variable that is named holds none."""
    secret = read_secret("ledger.url", SecretStr(settings.ledger.url), environ)
    if not secret:
        raise ConfigurationError(f"ledger.url: there is nothing at {settings.ledger.url}")
    try:
        config.check_ledger_url(secret.reveal().decode(), "ledger.url")
    except ValueError as error:
        raise ConfigurationError(f"{error} (from {settings.ledger.url})") from None
    return secret


def check_secret(setting: str, secret: Secret) -> None:
    """Raise `ConfigurationError` for a secret that is given but protects nothing."""
    text = secret.reveal().decode(errors="replace")
    if not text:
        problem = "is empty"
    elif _PLACEHOLDER.match(text):
        problem = "is a placeholder"
    elif len(secret) < MIN_SECRET_LENGTH:
        problem = f"has {len(secret)} characters, fewer than {MIN_SECRET_LENGTH}"
    else:
        return
    raise ConfigurationError(
        f"{setting}: the secret {problem}: anyone could forge webhooks with it; put the provider's signing "
        "secret there, or take the entry out to close the source"
    )


def allows(patterns: tuple[str, ...], name: str) -> bool:
    """Whether a client with these patterns may use a source: `stripe-*` allows `stripe-eu`."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
