"""
The configured sources, ready for use: provider, verification keys, rules.

Built from settings, environment and secret files at start; a mistake in any of them is a
`ConfigurationError` that names the setting, never the secret. All of it is values: what changes while the
gateway runs is a new value, which `gateway.sourcewatch` puts in the place of the old one.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from pydantic import SecretStr

from gateway import settings as config
from gateway.errors import ConfigurationError, Invalid
from gateway.given import check_secret, read_secret
from gateway.providers import CATALOGUE, hmac
from gateway.providers.base import Provider
from gateway.rules import Rules
from gateway.secret import Secret


@dataclass(frozen=True, slots=True)
class SourceSecret:
    """
    One entry of a source's `secrets`.

    `setting` is its name, `place` what the configuration names: `file:…`, `env:…`, or "the configuration".
    `key` is the verification key in force, None where none has been there yet. `problem` says why the place
    gives none, or none any more: then the last good one is in force.
    """

    setting: str
    place: str
    key: Secret | None = field(default=None, repr=False)
    problem: str | None = None
    #: The secret as the place had it, of which `key` was made.
    text: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """
    One configured account at a provider. `secrets` are all that are configured, in that order.

    `keys` are the verification keys that are there, each once, and `places` says where in `secrets` each
    stands first.
    """

    name: str
    provider: Provider
    rules: Rules
    secrets: tuple[SourceSecret, ...]
    per_callback_url: bool
    #: Whether what confirms a registration may be visited.
    confirm: bool = False
    keys: tuple[Secret, ...] = field(init=False, repr=False)
    places: tuple[int, ...] = field(init=False)
    #: Whether nothing can be verified: a source without a secret answers 401 to everything.
    closed: bool = field(init=False)

    def __post_init__(self) -> None:
        first: dict[Secret, int] = {}
        for place, secret in enumerate(self.secrets):
            if secret.key is not None:
                first.setdefault(secret.key, place)
        object.__setattr__(self, "keys", tuple(first))
        object.__setattr__(self, "places", tuple(first.values()))
        object.__setattr__(self, "closed", self.provider.signed and not first)

    @property
    def gives_url(self) -> bool:
        """Whether a callback of this source has an URL of its own."""
        return self.per_callback_url or self.provider.url != "account"


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources, by name."""

    by_name: dict[str, Source]

    def __getitem__(self, name: str) -> Source:
        return self.by_name[name]

    def get(self, name: str) -> Source | None:
        """The source with a name."""
        return self.by_name.get(name)

    @property
    def closed(self) -> list[str]:
        """The names of the sources that have no secret."""
        return sorted(source.name for source in self.by_name.values() if source.closed)

    @property
    def absent(self) -> tuple[str, ...]:
        """Secrets that are configured and have not been there yet: "sources.x.secrets[0]: …"."""
        return tuple(s.problem for s in self._secrets() if s.problem is not None and s.key is None)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Secrets that are gone or unusable where they were good before: the last good ones are in force."""
        return tuple(s.problem for s in self._secrets() if s.problem is not None and s.key is not None)

    def _secrets(self) -> Iterator[SourceSecret]:
        return (secret for source in self.by_name.values() for secret in source.secrets)

    def replaced(self, source: Source) -> Sources:
        """The same with one source in the place of that with its name."""
        return Sources(self.by_name | {source.name: source})


def load(settings: config.Settings, environ: Mapping[str, str] | None = None) -> Sources:
    """The sources that the settings describe. Raises `ConfigurationError`."""
    environ = os.environ if environ is None else environ
    by_name = {name: _source(name, chosen, environ) for name, chosen in sorted(settings.sources.items())}
    longest = max((s.provider.repeats_within for s in by_name.values()), default=timedelta())
    needed = settings.callbacks.max_expiry + longest
    if settings.ledger.keep_rows < needed:
        days = -(-needed // timedelta(days=1))  # rounded up
        raise ConfigurationError(
            f"ledger.keep_rows: {settings.ledger.keep_rows} is too short: a callback may wait "
            f"{settings.callbacks.max_expiry} (callbacks.max_expiry) and a provider repeats for up to "
            f"{longest} more; {days}d or more is needed, or a repeat could take effect again"
        )
    return Sources(by_name)


def _source(name: str, chosen: config.Source, environ: Mapping[str, str]) -> Source:
    where = f"sources.{name}"
    provider = _provider(where, chosen, environ)
    secrets = tuple(
        _secret(f"{where}.secrets[{place}]", given, provider, environ)
        for place, given in enumerate(chosen.secrets)
    )
    try:
        rules = Rules(
            provider.succeed_on if chosen.succeed_on is None else chosen.succeed_on,
            provider.fail_on if chosen.fail_on is None else chosen.fail_on,
        )
    except Invalid as error:
        raise ConfigurationError(f"{where}.{error.detail}") from None
    return Source(name, provider, rules, secrets, chosen.per_callback_url, chosen.confirm)


def _secret(setting: str, given: SecretStr, provider: Provider, environ: Mapping[str, str]) -> SourceSecret:
    """An entry as its place gives it now; raises `ConfigurationError` for one that protects nothing."""
    named = given.get_secret_value()
    place = named if named.startswith(("file:", "env:")) else "the configuration"
    text = read_secret(setting, given, environ)
    if text is None:
        return SourceSecret(setting, place, problem=f"{setting}: {place} is not there")
    check_secret(setting, text)
    try:
        return SourceSecret(setting, place, provider.key(text), text=text)
    except ValueError as error:
        raise ConfigurationError(f"{setting}: {error}") from None


def reread(source: Source, place: str) -> Source:
    """
    A source with what one of its places, `file:…`, gives now.

    Where that is nothing, nothing that protects, or a part of what was there, the last good secret stays in
    force and its entry has the problem.
    """
    return replace(
        source,
        secrets=tuple(
            _reread(secret, source.provider) if secret.place == place else secret for secret in source.secrets
        ),
    )


def _reread(before: SourceSecret, provider: Provider) -> SourceSecret:
    try:
        fresh = _secret(before.setting, SecretStr(before.place), provider, {})
    except ConfigurationError as error:
        problem = str(error)
    else:
        if fresh.problem is not None:
            problem = fresh.problem
        elif _cut_short(fresh.text, before.text):
            problem = (
                f"{before.setting}: {before.place} holds only the beginning of the secret that was there"
            )
        else:
            return fresh
    if before.key is not None:
        problem += "; the last good secret stays in force"
    return replace(before, problem=problem)


def _cut_short(now: Secret | None, before: Secret | None) -> bool:
    if now is None or before is None:
        return False
    return len(now) < len(before) and before.reveal().startswith(now.reveal())


def _provider(where: str, chosen: config.Source, environ: Mapping[str, str]) -> Provider:
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
    if chosen.verify_token is not None:
        setting = f"{where}.verify_token"
        token = read_secret(setting, chosen.verify_token, environ)
        if token is None:
            raise ConfigurationError(f"{setting}: {chosen.verify_token.get_secret_value()} is not there")
        check_secret(setting, token)
        try:
            provider = provider.with_verify_token(token)
        except ValueError as error:
            raise ConfigurationError(f"{setting}: {error}") from None
    if provider.url == "account" and not provider.reader.correlates and not chosen.per_callback_url:
        raise ConfigurationError(
            f'{where}.per_callback_url: nothing that provider = "{provider.name}" signs can name a '
            "callback, so each needs an URL of its own; say per_callback_url = true"
        )
    if chosen.confirm and not provider.visits:
        raise ConfigurationError(
            f'{where}.confirm: provider = "{provider.name}" sends nothing to be visited; leave it out'
        )
    if not provider.signed and chosen.secrets:
        raise ConfigurationError(f'{where}.secrets: provider = "{provider.name}" checks none; leave them out')
    return provider


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


def allows(patterns: tuple[str, ...], name: str) -> bool:
    """Whether a client with these patterns may use a source: `stripe-*` allows `stripe-eu`."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
