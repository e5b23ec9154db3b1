"""`gateway sources`: what is configured, and which secrets are of use. It asks a running gateway."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from gateway.cli import ConfigFile
from gateway.cli.api import InternalApi, Url
from gateway.errors import ConfigurationError


def sources(
    name: Annotated[str | None, typer.Argument(help="Of this source only.")] = None,
    config: ConfigFile = None,
    url: Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """
    List sources and their secrets: where each is, when it was last used, and whether it may be removed.

    GATEWAY_TOKEN or GATEWAY_TOKEN_FILE has a client's token.

    Example: gateway sources stripe-eu
    """
    found = InternalApi.of(url, config).get("/v1/sources")
    if name is not None:
        listed = ", ".join(one["name"] for one in found) or "none"
        found = [one for one in found if one["name"] == name]
        if not found:
            raise ConfigurationError(
                f'there is no source "{name}" that this client may use; there are {listed}'
            )
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        typer.echo("No sources.")
        return
    for one in found:
        typer.echo(f"{one['name']}  {one['provider']}, {_openness(one)}")
        for secret in one["secrets"]:
            _print_secret(secret)
    if any(one["secrets"] for one in found):
        typer.echo(
            "Uses are written down about once a minute: the last ones of other replicas may be missing."
        )


def _openness(source: dict[str, Any]) -> str:
    if source["closed"]:
        return "closed: it has no secret and answers 401 to everything"
    return "open" if source["secrets"] else "open: it signs nothing"


def _print_secret(secret: dict[str, Any]) -> None:
    fingerprint = secret["fingerprint"] or "-"
    typer.echo(f"  secrets[{secret['place']}]  {fingerprint:<8}  {secret['given']}")
    if secret["problem"]:
        typer.echo(f"    {secret['problem'].partition(': ')[2]}")
    if secret["fingerprint"]:
        since, first = (str(secret[field])[:16].replace("T", " ") for field in ("since", "first_used"))
        known = secret["since"] is not None
        times = f"there since {since}Z" + (f", first used {first}Z" if secret["first_used"] else "")
        typer.echo(f"    {secret['advice']}" + (f" ({times})" if known else ""))
