"""`gateway keys`: the signing keys in the key file. A running gateway takes a change up by itself."""

from __future__ import annotations

import json
import os
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from gateway import keyfile, settings, sources
from gateway.cli import ConfigFile
from gateway.errors import ConfigurationError
from gateway.keyring import SECRET_BYTES, Key, KeyRing, Status
from gateway.ledger import issuing, look
from gateway.secret import Secret

app = typer.Typer(help="Signing keys: make, rotate, retire, list.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="The key's id, as `gateway keys list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _new(status: Status) -> Key:
    # The month and four random letters: short in an URL, and ops see how old a key is.
    now = datetime.now(UTC).replace(microsecond=0)
    key_id = f"k{now:%y%m}{secrets.token_hex(2)}"
    return Key(key_id, Secret(os.urandom(SECRET_BYTES)), status, now)


def _load(config: settings.Settings) -> KeyRing:
    return keyfile.load(config.keys.file, config.deployment)


@app.command()
def init(
    config: ConfigFile = None,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Leave a key file that is there alone.")
    ] = False,
) -> None:
    """
    Make the key file with a first key.

    Example: gateway keys init --if-missing
    """
    loaded = settings.load(config)
    if if_missing and loaded.keys.file.exists():
        typer.echo(f"{loaded.keys.file}: is there, left alone; primary key {_load(loaded).primary.id}")
        return
    ring = KeyRing((_new(Status.PRIMARY),), loaded.deployment)
    keyfile.save(loaded.keys.file, ring, replace=False)
    typer.echo(f"{loaded.keys.file}: made, mode 0600, primary key {ring.primary.id}. Keep a copy of it safe.")


@app.command()
def add(config: ConfigFile = None) -> None:
    """
    Add a key that verifies only: the first step of a rotation.

    Example: gateway keys add
    """
    loaded = settings.load(config)
    key = _new(Status.ENABLED)
    keyfile.save(loaded.keys.file, _load(loaded).add(key))
    typer.echo(f"{key.id}: added. Once every gateway has taken it up: gateway keys promote {key.id}")


@app.command()
def promote(key_id: KeyId, config: ConfigFile = None) -> None:
    """
    Make a key primary: it signs from now on, the old one goes on verifying.

    Example: gateway keys promote k2611ab12
    """
    loaded = settings.load(config)
    ring = _load(loaded)
    if ring.primary.id == key_id:
        typer.echo(f"{key_id}: is primary already.")
        return
    keyfile.save(loaded.keys.file, ring.promote(key_id))
    typer.echo(f"{key_id}: primary. {ring.primary.id} goes on verifying the URLs that it has signed.")


@app.command()
def retire(key_id: KeyId, config: ConfigFile = None) -> None:
    """
    Make a key do nothing any more; refused while open callbacks need it.

    Example: gateway keys retire k2610cd34
    """
    loaded = settings.load(config)
    ring = _load(loaded).retire(key_id)
    _refuse_if_needed(loaded, key_id)
    keyfile.save(loaded.keys.file, ring)
    typer.echo(f"{key_id}: disabled. Its URLs are answered 404.")


def _refuse_if_needed(loaded: settings.Settings, key_id: str) -> None:
    needs = look(sources.ledger_url(loaded, os.environ), issuing.needing(key_id, time.time()))
    if not needs:
        return
    lines = [
        f"  {need.callbacks} of client {need.client or '(adopted)'}, source {need.source}, "
        f"the last until {datetime.fromtimestamp(need.last_expiry, UTC):%Y-%m-%d %H:%M}Z"
        for need in needs
    ]
    raise ConfigurationError(
        f"{key_id} is not retired: open callbacks need it, their URLs would be answered 404:\n"
        + "\n".join(lines)
    )


@app.command("list")
def list_keys(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """
    List the keys by id, status, age and fingerprint.

    Example: gateway keys list --json
    """
    ring = _load(settings.load(config))
    if as_json:
        shown = [
            {
                "id": key.id,
                "status": key.status,
                "created_at": key.created_at.isoformat(),
                "fingerprint": key.fingerprint,
            }
            for key in ring.keys
        ]
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo(f"{'ID':<17} {'STATUS':<9} {'CREATED':<20} FINGERPRINT")
    for key in ring.keys:
        typer.echo(f"{key.id:<17} {key.status:<9} {key.created_at:%Y-%m-%d %H:%M}Z    {key.fingerprint}")
