"""The values of settings: how each kind is written, checked and made of a text."""

from __future__ import annotations

import ipaddress
import json
import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from gateway.rates import Rate

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


def listed(value: object) -> object:
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
Drain = Annotated[Duration, AfterValidator(_drain)]
Size = Annotated[int, BeforeValidator(_parse_size), Field(gt=0)]
Strings = Annotated[tuple[str, ...], BeforeValidator(listed)]
Url = Annotated[str, AfterValidator(_url)]
RestateUrl = Annotated[str, AfterValidator(_restate_url)]
Collector = Annotated[str, AfterValidator(_collector)]
Address = Annotated[str, AfterValidator(_address)]
Digest = Annotated[str, AfterValidator(_digest)]
TargetPattern = Annotated[str, AfterValidator(_target_pattern)]
RateText = Annotated[str, AfterValidator(_rate)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
#: `file:…`, `env:…` or the secret itself; hidden in every error and `repr`.
SecretText = SecretStr
