"""`gateway ledger`: backup, restore, copy to PostgreSQL, forget."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

import typer
from pydantic import SecretStr

from gateway import settings, sources
from gateway.cli import AsJson, ConfigFile
from gateway.cli.api import InternalApi, Url
from gateway.cli.showing import print_json
from gateway.errors import ConfigurationError
from gateway.given import read_secret
from gateway.ledger import copying
from gateway.ledger.copying import Holdings
from gateway.secret import Secret

app = typer.Typer(
    help="The ledger: backup, restore, copy to PostgreSQL, forget a callback.", no_args_is_help=True
)

_SQLITE = "sqlite:///"


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    config: ConfigFile = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Write the ledger into one file, of one moment, while the gateway runs. It is checked and has mode 0600.

    Example: gateway ledger backup gateway-2026-11-23.db
    """
    url = _url(config)
    ledger = _file(url) or _refuse_postgres(
        url, "a backup", f"pg_dump --format=custom --file={file} --dbname="
    )
    held = copying.backup(ledger, file, force)
    if as_json:
        print_json({"file": str(file), **asdict(held)})
        return
    typer.echo(f"{file}: {_told(held)}. It holds customers' data: keep it as safe as the ledger.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `gateway ledger backup` wrote.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Put a backup in the ledger's place; no gateway may be running. What was there is kept aside.

    Example: gateway ledger restore gateway-2026-11-23.db
    """
    url = _url(config)
    ledger = _file(url) or _refuse_postgres(
        url, "a restore", f"pg_restore --clean --if-exists {file} --dbname="
    )
    held, aside = copying.restore(ledger, file, f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    if as_json:
        print_json({"ledger": str(ledger), "kept_aside": aside and str(aside), **asdict(held)})
        return
    typer.echo(f"{ledger}: restored: {_told(held)}.")
    if aside is not None:
        typer.echo(f"What was there is kept as {aside}.")
    typer.echo(
        "Callback URLs issued since the backup are adopted when a webhook comes for them (marked, and in the "
        "log as warnings); events for references and aliases given since are unmatched until the alias is "
        "given again. What was pending in the backup goes to Restate again with the same idempotency key."
    )


@app.command()
def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to", help="postgresql://user@host/name, or file:… or env:… for a URL that has a password."
        ),
    ],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Copy an SQLite ledger into an empty PostgreSQL database; no gateway may be running.

    Example: gateway ledger copy --to postgresql://gateway@db.internal/gateway
    """
    ledger = _file(_url(config))
    if ledger is None:
        raise ConfigurationError("ledger.url: this ledger is in PostgreSQL already; pg_dump copies one")
    target = _target(to)
    from gateway.ledger.moving import move

    shown: dict[str, int] = {}

    def progress(table: str, done: int, of: int) -> None:
        # A line for each tenth, on stderr: stdout has the result.
        tenth = done * 10 // of if of else 10
        if shown.get(table) != tenth:
            shown[table] = tenth
            typer.echo(f"{table}: {done} of {of}", err=True)

    counts = asyncio.run(move(ledger, target, progress))
    if as_json:
        print_json(counts)
        return
    typer.echo(
        "Copied and counted: " + ", ".join(f"{count} {table}" for table, count in counts.items()) + "."
    )
    typer.echo(
        f"Now set ledger.url to the database. {ledger} is left as it is; no gateway may use it any more."
    )


@app.command()
def forget(
    callback_id: Annotated[str, typer.Argument(help="The callback's id, cb_….")],
    config: ConfigFile = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """
    Remove one callback's data for good, from a running gateway: what came for it, label, metadata, aliases.

    What a repeat is known by stays. GATEWAY_TOKEN or GATEWAY_TOKEN_FILE has the client's token. Backups
    that were made before still hold the data.

    Example: gateway ledger forget cb_01kav3w0zr9m2x8q4t6n5y7p1d
    """
    answer = InternalApi.of(url, config).delete(f"/v1/callbacks/{quote(callback_id, safe='')}/data")
    if as_json:
        print_json(answer)
        return
    gone = f"{answer['deliveries']} deliveries and {answer['events']} events have lost their data"
    rest = (
        "The bytes are overwritten."
        if answer["overwritten"]
        else "The bytes are overwritten by the next sweep (SQLite) or VACUUM (PostgreSQL)."
    )
    typer.echo(f"{callback_id}: forgotten: {gone}. {rest} Backups made before still hold it.")


def _url(config: Path | None) -> Secret:
    return sources.ledger_url(settings.load(config), os.environ)


def _file(url: Secret) -> Path | None:
    """The SQLite file of a ledger; None where it is in PostgreSQL."""
    text = url.reveal().decode()
    return Path(text.removeprefix(_SQLITE)) if text.startswith(_SQLITE) else None


def _refuse_postgres(url: Secret, what: str, command: str) -> Path:
    parts = urlsplit(url.reveal().decode())
    user = f"{parts.username}@" if parts.username else ""
    shown = urlunsplit((parts.scheme, user + parts.netloc.rpartition("@")[2], parts.path, "", ""))
    raise ConfigurationError(
        f"this ledger is in PostgreSQL, whose own tools make {what}; PGPASSWORD or ~/.pgpass has the "
        f"password:\n  {command}{shown}"
    )


def _target(to: str) -> Secret:
    """The database that is named; raises `ConfigurationError`, which shows nothing of it."""
    given = read_secret("--to", SecretStr(to), os.environ)
    if given is None:
        raise ConfigurationError(f"--to: there is nothing at {to}")
    try:
        settings.check_ledger_url(given.reveal().decode(), "--to")
        parts = urlsplit(given.reveal().decode())
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    if parts.scheme == "sqlite":
        raise ConfigurationError(
            "--to: a PostgreSQL database is needed; gateway ledger backup copies to a file"
        )
    if to == given.reveal().decode() and parts.password is not None:
        raise ConfigurationError(
            "--to: a password is not for a command line, where everybody on the machine can read it; put the "
            "whole URL into a file or a variable and name that: file:/run/secrets/ledger-url, env:LEDGER_URL"
        )
    return given


def _told(held: Holdings) -> str:
    return (
        f"{held.callbacks} callbacks, {held.deliveries} deliveries, {held.pending} of their events pending, "
        f"{held.size / 1e6:.1f} MB, checked"
    )
