"""
Configuration: one TOML file, each value also by environment, checked whole before anything starts.

`GATEWAY_` and the setting's name, with `__` for nesting and `_` for a `-` in a name:
`GATEWAY_SOURCES__STRIPE_EU__SECRETS`. A list may be given as JSON or with commas.
"""

from gateway.settings.loading import load
from gateway.settings.sections import (
    CLIENT_NAME,
    OWN_SOURCES,
    Callbacks,
    Client,
    Keys,
    Ledger,
    Listen,
    Log,
    Restate,
    Settings,
    Source,
)
from gateway.settings.values import check_ledger_url, parse_duration

__all__ = [
    "CLIENT_NAME",
    "OWN_SOURCES",
    "Callbacks",
    "Client",
    "Keys",
    "Ledger",
    "Listen",
    "Log",
    "Restate",
    "Settings",
    "Source",
    "check_ledger_url",
    "load",
    "parse_duration",
]
