"""
Configuration: one TOML file, each value also by environment, checked whole before anything starts.

`GATEWAY_` and the setting's name, with `__` for nesting and `_` for a `-` in a name:
`GATEWAY_SOURCES__STRIPE_EU__SECRETS`. A list may be given as JSON or with commas.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from gateway.errors import ConfigurationError
from gateway.providers.hmac import HmacSettings
from gateway.rates import Rate

DEFAULT_FILE = "gateway.toml"
PREFIX = "GATEWAY_"
SOURCE_NAME = re.compile(r"[a-z0-9-]{1,32}")
CLIENT_NAME = SOURCE_NAME
#: Names that no configured source may have.
OWN_SOURCES = {
    "approvals": "approvals by people",
    "manual": "callbacks that ops complete by hand",
    "probe": "what `gateway doctor` sends",
}
#: Restate's own names for what we need of it.
_RESTATE_NAMES = {
    "RESTATE_INGRESS_URL": ("restate", "ingress_urls"),
    "RESTATE_ADMIN_URL": ("restate", "admin_url"),
    "RESTATE_AUTH_TOKEN": ("restate", "auth_token"),
}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"": 1, "k": 1000, "M": 1_000_000, "Ki": 1024, "Mi": 1 << 20}
#: Hosts with ports, several with commas; a Unix socket's folder is percent-encoded.
_ONE_HOST = r"(?:[\w.%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
_DATABASE_HOST = re.compile(rf"{_ONE_HOST}(?:,{_ONE_HOST})*", re.ASCII)
_A_DURATION = 'a duration such as "90s", "15m", "24h" or "30d" is needed'


def parse_duration(value: object) -> object:
    """Turn `"24h"`, `"30d"`, `"90s"` or a number of seconds into a timedelta."""
    if isinstance(value, str):
        found = re.fullmatch(r"(\d{1,9})\s*([smhdw]?)", value.strip())
        if not found:
            raise ValueError(_A_DURATION)
        value = int(found[1]) * _UNITS[found[2] or "s"]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("a duration is not negative")
        try:
            return timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise ValueError("a duration is at most 999999999 days") from None
    if not isinstance(value, timedelta):
        raise ValueError(_A_DURATION)
    return value


def _parse_size(value: object) -> object:
    if isinstance(value, str):
        found = re.fullmatch(r"(\d{1,9})\s*(k|M|Ki|Mi)?B?", value.strip())
        if not found:
            raise ValueError('a size such as "1MiB", "64KiB" or a number of bytes is needed')
        return int(found[1]) * _SIZES[found[2] or ""]
    return value


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('an address such as "https://hooks.example.com" is needed')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user, password, query and fragment is needed")
    _ = parts.port  # raises ValueError, with the range, for one that is none
    return value.rstrip("/")


def _restate_url(value: str) -> str:
    value = _url(value)
    parts = urlsplit(value)
    if parts.path:
        raise ValueError("an address without a path is needed: Restate's own paths follow it")
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return value
    if parts.scheme == "http" and address.is_global:
        raise ValueError(
            "Restate's ingress has no authentication: http to a public address would be open to everyone; "
            "a private address or https is needed"
        )
    return value


def _collector(value: str) -> str:
    value = _url(value)
    if value.endswith("/v1/traces"):
        raise ValueError("the address without /v1/traces is needed, http://collector:4318 say: that is added")
    return value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError('a host and a port such as "127.0.0.1:8001" are needed')
    return value


def _drain(value: timedelta) -> timedelta:
    if value > timedelta(seconds=3):
        raise ValueError("at most 3 seconds: a stop takes 10 in all, most of them for what is in work")
    return value


def _network(value: object) -> object:
    try:
        return ipaddress.ip_network(str(value))
    except ValueError:
        raise ValueError('an address or a network such as "10.0.0.0/8" is needed') from None


def check_ledger_url(value: str, setting: str) -> None:
    """Raise `ValueError`, which shows nothing of it, for what is no ledger's URL."""
    if re.match(r"sqlite:///.", value):
        return
    try:
        parts = urlsplit(value)
        usable = (
            parts.scheme in ("postgresql", "postgres")
            and _DATABASE_HOST.fullmatch(parts.netloc.rpartition("@")[2])
            # A "@" or "/" in a password has to be percent-encoded: a part of it would be taken for the host.
            and parts.netloc.count("@") <= 1
            and "@" not in parts.path
            and len(parts.path) > 1
            and "password=" not in parts.query
            and not parts.fragment
        )
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f'{setting}: "sqlite:///gateway.db" (a path after "sqlite:///") or '
            '"postgresql://user@host/database" is needed, there with other signs than letters, digits, "-", '
            '".", "_" and "~" percent-encoded'
        )


def _digest(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError(
            'the 64 hex digits of a SHA-256 are needed (printf %s "$TOKEN" | sha256sum), not the token itself'
        )
    return value


def _target_pattern(value: str) -> str:
    if value not in ("*", "awakeable") and value.count("/") != 1:
        raise ValueError(
            '"awakeable", a pattern of a service and a handler such as "Checkout/*", or "*" is needed'
        )
    return value


def _rate(value: str) -> str:
    Rate.parse(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Size = Annotated[int, BeforeValidator(_parse_size), Field(gt=0)]
Strings = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Url = Annotated[str, AfterValidator(_url)]
RestateUrl = Annotated[str, AfterValidator(_restate_url)]
Address = Annotated[str, AfterValidator(_address)]
Digest = Annotated[str, AfterValidator(_digest)]
TargetPattern = Annotated[str, AfterValidator(_target_pattern)]
RateText = Annotated[str, AfterValidator(_rate)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
#: `file:…`, `env:…` or the secret itself; hidden in every error and `repr`.
SecretText = SecretStr


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Listen(_Section):
    """Where the two listeners are, in how many processes, and how long a stop waits for the last senders."""

    public: Address = "0.0.0.0:8000"  # the public listener is for everybody
    internal: Address = "127.0.0.1:8001"
    #: They share the public port; the internal one of each is one higher than that of the one before.
    workers: Annotated[int, Field(gt=0, le=64)] = 1
    #: The stop may take 10 seconds in all: what is left after this is for requests in work.
    drain: Annotated[Duration, AfterValidator(_drain)] = timedelta(0)


class Restate(_Section):
    """Restate's ingress addresses (the nodes of a cluster), its admin address and, for the Cloud, a token."""

    ingress_urls: Annotated[tuple[RestateUrl, ...], BeforeValidator(_listed), Field(min_length=1)] = (
        "http://127.0.0.1:8080",
    )
    admin_url: RestateUrl | None = None
    auth_token: SecretText | None = None


class Ledger(_Section):
    """
    Where the ledger is and how long it keeps what.

    `url` holds no password: `gateway.sources.ledger_url` follows `file:…` and `env:…` to one that may.
    """

    url: str = "sqlite:///gateway.db"
    keep_bodies: Duration = timedelta(days=7)
    keep_rows: Duration = timedelta(days=60)
    keep_unmatched: Duration = timedelta(hours=24)

    @model_validator(mode="after")
    def _known_kind(self) -> Self:
        if self.url.partition(":")[0] not in ("file", "env"):
            check_ledger_url(self.url, "url")
            if urlsplit(self.url).password is not None:
                raise ValueError(
                    "url: a password is not for the configuration; put the whole URL into a file or a "
                    "variable and name that: file:/run/secrets/ledger-url, env:LEDGER_URL"
                )
        return self


class Keys(_Section):
    """The file with the signing keys."""

    file: Path = Path("keys.json")


class Callbacks(_Section):
    """How long a callback may wait."""

    default_expiry: Duration = timedelta(hours=24)
    max_expiry: Duration = timedelta(days=30)


class Limits(_Section):
    """Bounds of what is taken from outside."""

    body: Size = 1 << 20
    #: From the first byte of a body to its last.
    body_time: Duration = timedelta(seconds=10)
    #: Requests in work at a time on the public listener; more are answered 503.
    concurrency: Annotated[int, Field(gt=0)] = 1000
    #: Of the public listener; fewer where the process may not open so many files.
    connections: Annotated[int, Field(gt=0)] = 5000
    #: Held at a time of bodies beyond 64 KiB each; more are answered 503.
    large_bodies: Size = 32 << 20
    #: From one address to one URL.
    unverified_per_minute: Annotated[int, Field(gt=0)] = 600
    #: From one address.
    unknown_per_minute: Annotated[int, Field(gt=0)] = 600
    #: To one callback's URL, from all addresses.
    callback_per_minute: Annotated[int, Field(gt=0)] = 6000
    #: Networks of the proxies in front: what they append to X-Forwarded-For is the client.
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_listed)] = ()


class Log(_Section):
    """What is logged and how; `auto` is for people on a terminal and JSON otherwise."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Traces(_Section):
    """Where deliveries' traces go, and the share of them: an OpenTelemetry collector's OTLP/HTTP address."""

    endpoint: Annotated[str, AfterValidator(_collector)] | None = None
    ratio: Annotated[float, Field(ge=0, le=1)] = 1.0


class Client(_Section):
    """
    Who may issue callbacks: the SHA-256 of its bearer token (two while it is changed), and what it may.

    A token is 256 random bits, so that no slow hash is needed: nobody tries them through. `targets` are
    `awakeable` and patterns of services and their handlers, `Checkout/*`. `max_open` bounds its open
    callbacks, `rate` how many it issues ("100/m"). An `ops` client sees and ends every client's callbacks.
    """

    token_sha256: Annotated[tuple[Digest, ...], BeforeValidator(_listed), Field(max_length=2)] = ()
    sources: Strings = ("*",)
    targets: Annotated[tuple[TargetPattern, ...], BeforeValidator(_listed)] = ("*",)
    max_open: Annotated[int, Field(gt=0)] | None = None
    rate: RateText | None = None
    ops: bool = False


class Source(_Section):
    """
    One configured account at a provider.

    `succeed_on` and `fail_on` replace the provider's own. `per_callback_url` gives each callback an URL
    even where the provider has one per account. `reference` is the field in which our reference comes
    back, where it is not the provider's usual one. `experimental` takes a provider of which something
    that matters is not confirmed. `verify_token` is what a provider asks for at registration;
    with `confirm` the gateway visits the URL that confirms a subscription (Amazon SNS).
    `hmac` describes a signature of your own.
    """

    provider: str
    secrets: Annotated[tuple[SecretText, ...], BeforeValidator(_listed)] = ()
    succeed_on: Strings | None = None
    fail_on: Strings | None = None
    per_callback_url: bool = False
    reference: str | None = None
    experimental: bool = False
    verify_token: SecretText | None = None
    confirm: bool = False
    hmac: HmacSettings | None = None


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """
    The environment as nested values, and the variable that each setting came from.

    Every name is looked at, so that a wrong one is found.
    """
    values: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for name, known in _RESTATE_NAMES.items():
        if value := environ.get(name):
            _put(values, known, value)
            variables[".".join(known)] = name
    for name, value in sorted(environ.items()):
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        # Kubernetes injects GATEWAY_PORT and the like: without "__" only what we know is ours.
        if name.startswith(PREFIX) and (len(path) > 1 or path[0] in Settings.model_fields):
            if path[0] in ("sources", "clients") and len(path) > 1:
                path = (path[0], path[1].replace("_", "-"), *path[2:])
            if not _put(values, path, value):
                raise ConfigurationError(
                    f"{name}: the environment has a text for {'.'.join(path[:-1])}, or a part of it, too; "
                    "one of the two is needed"
                )
            variables[".".join(path)] = name
    return values, variables


def _put(values: dict[str, Any], path: tuple[str, ...], value: str) -> bool:
    """Set a nested value; False where there is a text in place of what it is nested in."""
    for part in path[:-1]:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            return False
    values[path[-1]] = value
    return True


class Settings(BaseSettings):
    """All settings. `deployment` goes into every key: a token of staging is worth nothing in production."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    public_url: Url
    #: Those that URLs were issued with which are still out: they go on working.
    previous_public_urls: Annotated[tuple[Url, ...], BeforeValidator(_listed), Field(max_length=4)] = ()
    deployment: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "default"
    listen: Listen = Listen()
    restate: Restate = Restate()
    ledger: Ledger = Ledger()
    keys: Keys = Keys()
    callbacks: Callbacks = Callbacks()
    limits: Limits = Limits()
    log: Log = Log()
    traces: Traces = Traces()
    clients_file: Path = Path("clients.json")
    clients: dict[str, Client] = {}
    sources: dict[str, Source] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.callbacks.default_expiry > self.callbacks.max_expiry:
            raise ValueError("callbacks.default_expiry: must not be longer than callbacks.max_expiry")
        for url in self.public_urls:
            if urlsplit(url).path in ("/c", "/s", "/a"):
                setting = "public_url" if url == self.public_url else "previous_public_urls"
                raise ValueError(
                    f"{setting}: its path prefix is one of the gateway's own paths; take another one"
                )
        for name in self.clients:
            if not CLIENT_NAME.fullmatch(name):
                raise ValueError(f'clients.{name}: a client is named with 1 to 32 of a-z, 0-9 and "-"')
        for name in self.sources:
            if not SOURCE_NAME.fullmatch(name):
                raise ValueError(f'sources.{name}: a source is named with 1 to 32 of a-z, 0-9 and "-"')
            if name in OWN_SOURCES:
                raise ValueError(f"sources.{name}: this name is the gateway's own, for {OWN_SOURCES[name]}")
        return self

    @property
    def public_urls(self) -> tuple[str, ...]:
        """Every address that a URL which is out may begin with, the one of now first."""
        return (self.public_url, *self.previous_public_urls)


def load(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """
    The settings of a file (`GATEWAY_CONFIG` or `gateway.toml` where none is given) and the environment.

    Raises `ConfigurationError` that lists every wrong setting: which, what is wrong, what would be right.
    Relative paths in the file are relative to the file.
    """
    environ = os.environ if environ is None else environ
    chosen = file or (Path(environ["GATEWAY_CONFIG"]) if environ.get("GATEWAY_CONFIG") else None)
    path = chosen or Path(DEFAULT_FILE)
    values: dict[str, Any] = {}
    if chosen or path.exists():
        values = _read(path)
    # The environment comes first: it prevails, and pydantic-settings merges what is nested.
    from_environment, variables = _from_environment(environ)
    found = (from_environment, values)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, init_kwargs=values) for values in found)

    try:
        settings = Loaded()  # type: ignore[call-arg]  # the values come from its sources
    except ValidationError as error:
        where = str(path) if values else f"the environment (there is no file {path})"
        raise ConfigurationError(_explain(error, where, variables)) from None
    return _anchored(settings, path.parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        message = f"{path}: {error.strerror}; --config or GATEWAY_CONFIG names the file"
        raise ConfigurationError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None


def _anchored(settings: Settings, folder: Path) -> Settings:
    """The settings with their relative paths made relative to the file that they stand in."""

    def anchored(secret: SecretStr) -> SecretStr:
        kind, _, path = secret.get_secret_value().partition(":")
        return SecretStr(f"file:{folder / path}") if kind == "file" else secret

    token = settings.restate.auth_token
    url = settings.ledger.url
    for start in ("sqlite:///", "file:"):
        if url.startswith(start):
            url = f"{start}{folder / url.removeprefix(start)}"
            break
    return settings.model_copy(
        update={
            "keys": settings.keys.model_copy(update={"file": folder / settings.keys.file}),
            "ledger": settings.ledger.model_copy(update={"url": url}),
            "clients_file": folder / settings.clients_file,
            "restate": settings.restate.model_copy(update={"auth_token": token and anchored(token)}),
            "sources": {
                name: source.model_copy(
                    update={
                        "secrets": tuple(map(anchored, source.secrets)),
                        "verify_token": source.verify_token and anchored(source.verify_token),
                    }
                )
                for name, source in settings.sources.items()
            },
        }
    )


def _explain(error: ValidationError, where: str, variables: Mapping[str, str]) -> str:
    lines = [f"the configuration in {where} is not usable:"]
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        names = [str(part) for part in item["loc"]]
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "there is no such setting"
            near = difflib.get_close_matches(names[-1], _known(names[:-1]), 1, 0.5)
            message += f"; did you mean {near[0]}?" if near else f"; known: {', '.join(_known(names[:-1]))}"
        elif item["type"] == "missing":
            message = "is needed and is not there"
        if variable := _variable(names, variables):
            message += f" ({variable})"
        lines.append(f"  {'.'.join(names)}: {message}" if names else f"  {message}")
    return "\n".join(lines)


def _variable(names: list[str], variables: Mapping[str, str]) -> str | None:
    """The variable that the setting, or what it is an item or a section of, came from."""
    setting = ".".join(names)
    return next(
        (
            variable
            for known, variable in variables.items()
            if f"{setting}.".startswith(f"{known}.") or f"{known}.".startswith(f"{setting}.")
        ),
        None,
    )


def _known(path: list[str]) -> list[str]:
    """The names that may stand in the section at a path."""
    sections: dict[str, type[BaseModel]] = {
        "": Settings,
        "clients.*": Client,
        "sources.*": Source,
        "sources.*.hmac": HmacSettings,
        **{
            name: type(field.default)
            for name, field in Settings.model_fields.items()
            if isinstance(field.default, BaseModel)
        },
    }
    generic = [
        "*" if place == 1 and path[0] in ("clients", "sources") else part for place, part in enumerate(path)
    ]
    section = sections.get(".".join(generic))
    return list(section.model_fields) if section else []
