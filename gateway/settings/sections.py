"""Which settings there are, section by section, and what they have to do with each other."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.providers.hmac import HmacSettings
from gateway.settings.values import (
    Address,
    Collector,
    Digest,
    Drain,
    Duration,
    Network,
    RateText,
    RestateUrl,
    SecretText,
    Size,
    Strings,
    TargetPattern,
    Url,
    check_ledger_url,
    listed,
)

SOURCE_NAME = re.compile(r"[a-z0-9-]{1,32}")
CLIENT_NAME = SOURCE_NAME
#: Names that no configured source may have.
OWN_SOURCES = {
    "approvals": "approvals by people",
    "manual": "callbacks that ops complete by hand",
    "probe": "what `gateway doctor` sends",
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Listen(_Section):
    """Where the two listeners are, in how many processes, and how long a stop waits for the last senders."""

    public: Address = "0.0.0.0:8000"  # the public listener is for everybody
    internal: Address = "127.0.0.1:8001"
    #: They share the public port; the internal one of each is one higher than that of the one before.
    workers: Annotated[int, Field(gt=0, le=64)] = 1
    #: The stop may take 10 seconds in all: what is left after this is for requests in work.
    drain: Drain = timedelta(0)


class Restate(_Section):
    """Restate's ingress addresses (the nodes of a cluster), its admin address and, for the Cloud, a token."""

    ingress_urls: Annotated[tuple[RestateUrl, ...], BeforeValidator(listed), Field(min_length=1)] = (
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
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(listed)] = ()


class Log(_Section):
    """What is logged and how; `auto` is for people on a terminal and JSON otherwise."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Traces(_Section):
    """Where deliveries' traces go, and the share of them: an OpenTelemetry collector's OTLP/HTTP address."""

    endpoint: Collector | None = None
    ratio: Annotated[float, Field(ge=0, le=1)] = 1.0


class Client(_Section):
    """
    Who may issue callbacks: the SHA-256 of its bearer token (two while it is changed), and what it may.

    A token is 256 random bits, so that no slow hash is needed: nobody tries them through. `targets` are
    `awakeable` and patterns of services and their handlers, `Checkout/*`. `max_open` bounds its open
    callbacks, `rate` how many it issues ("100/m"). An `ops` client sees and ends every client's callbacks.
    """

    token_sha256: Annotated[tuple[Digest, ...], BeforeValidator(listed), Field(max_length=2)] = ()
    sources: Strings = ("*",)
    targets: Annotated[tuple[TargetPattern, ...], BeforeValidator(listed)] = ("*",)
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
    secrets: Annotated[tuple[SecretText, ...], BeforeValidator(listed)] = ()
    succeed_on: Strings | None = None
    fail_on: Strings | None = None
    per_callback_url: bool = False
    reference: str | None = None
    experimental: bool = False
    verify_token: SecretText | None = None
    confirm: bool = False
    hmac: HmacSettings | None = None


class Settings(BaseSettings):
    """All settings. `deployment` goes into every key: a token of staging is worth nothing in production."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    public_url: Url
    #: Those that URLs were issued with which are still out: they go on working.
    previous_public_urls: Annotated[tuple[Url, ...], BeforeValidator(listed), Field(max_length=4)] = ()
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
