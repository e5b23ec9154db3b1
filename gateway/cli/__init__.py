"""The command line: a noun, then a verb. Exit codes: 0 done, 1 not possible, 2 called wrongly."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import ConfigurationError

app = typer.Typer(
    name="gateway",
    help="The webhook gateway for Restate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The TOML file; GATEWAY_CONFIG or gateway.toml where it is not given."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(shown: bool) -> None:
    if shown:
        typer.echo(version("webhook-gateway"))
        raise typer.Exit


@app.callback()
def root(
    shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The webhook gateway for Restate."""


#: What may follow `gateway`: each is a module of this package, with a group's `app` or a command of its name.
_COMMANDS = (
    *("keys", "clients", "callbacks", "deliveries", "ledger", "providers", "token"),
    *("sources", "serve", "demo", "check", "doctor", "send", "verify"),
)
_built: set[str] = set()


def build(only: str = "") -> None:
    """
    Give `app` its commands, each once: one where its name is given, all of them otherwise.

    What the others import would be a seventh of the start of a gateway, and 4 MB.
    """
    for name in [only] if only in _COMMANDS else _COMMANDS:
        if name in _built:
            continue
        _built.add(name)
        module = import_module(f"gateway.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))


def main() -> None:
    """Run the command line; a wrong configuration is a message on stderr and exit code 1."""
    build(*sys.argv[1:2])
    try:
        app()
    except ConfigurationError as error:
        typer.echo(f"gateway: {error}", err=True)
        sys.exit(1)
