"""What the shell completes with the Tab key: names and ids, from where they are had quickly."""

from __future__ import annotations

import typer

from gateway import settings
from gateway.cli.api import InternalApi
from gateway.errors import ConfigurationError
from gateway.providers import CATALOGUE

#: Whoever presses Tab waits for it.
_WITHIN = 1.0
_AT_MOST = 50


def sources(ctx: typer.Context, incomplete: str) -> list[str]:
    """The configured sources that begin like this."""
    try:
        return _beginning(incomplete, settings.load(ctx.params.get("config")).sources)
    except ConfigurationError:
        return []


def providers(incomplete: str) -> list[str]:
    """The providers of the catalogue that begin like this."""
    return _beginning(incomplete, CATALOGUE)


def callbacks(ctx: typer.Context, incomplete: str) -> list[str]:
    """The newest open callbacks whose ids begin like this; none where no gateway answers at once."""
    try:
        api = InternalApi.of(ctx.params.get("url"), ctx.params.get("config"), within=_WITHIN)
        found = api.get("/v1/callbacks", state="open", limit=_AT_MOST)["callbacks"]
    except ConfigurationError:
        return []
    return _beginning(incomplete, [one["id"] for one in found])


def _beginning(incomplete: str, names: object) -> list[str]:
    assert isinstance(names, dict | list)
    return [name for name in names if name.startswith(incomplete)]
