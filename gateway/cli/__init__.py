"""The command line: a noun, then a verb. Exit codes: 0 done, 1 not possible, 2 called wrongly."""

from __future__ import annotations

import sys
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


def build() -> None:
    """Give `app` its commands, once."""
    if app.registered_commands:
        return
    # Imported here: they need what is above.
    from gateway.cli import (
        callbacks,
        check,
        clients,
        deliveries,
        demo,
        doctor,
        keys,
        ledger,
        providers,
        send,
        serve,
        sources,
        token,
        verify,
    )

    app.add_typer(keys.app, name="keys")
    app.add_typer(clients.app, name="clients")
    app.add_typer(callbacks.app, name="callbacks")
    app.add_typer(deliveries.app, name="deliveries")
    app.add_typer(ledger.app, name="ledger")
    app.add_typer(providers.app, name="providers")
    app.add_typer(token.app, name="token")
    app.command("sources")(sources.sources)
    app.command("serve")(serve.serve)
    app.command("demo")(demo.demo)
    app.command("check")(check.check)
    app.command("doctor")(doctor.doctor)
    app.command("send")(send.send)
    app.command("verify")(verify.verify)


def main() -> None:
    """Run the command line; a wrong configuration is a message on stderr and exit code 1."""
    build()
    try:
        app()
    except ConfigurationError as error:
        typer.echo(f"gateway: {error}", err=True)
        sys.exit(1)
