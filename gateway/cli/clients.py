"""`gateway clients`: who may issue, in the clients file. A running gateway takes a change up by itself."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from gateway import clients, settings
from gateway.cli import ConfigFile
from gateway.cli.client_list import list_clients
from gateway.clients import MAX_TOKENS, Clients, fingerprint
from gateway.errors import ConfigurationError
from gateway.settings import CLIENT_NAME, Client

app = typer.Typer(help="Clients, who may issue: add, list, remove.", no_args_is_help=True)
app.command("list")(list_clients)

Name = Annotated[str, typer.Argument(help="The client's name: 1 to 32 of a-z, 0-9 and -.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: Tells secret scanners what has leaked.
_PREFIX = "gwt_"


@app.command()
def add(
    name: Name,
    config: ConfigFile = None,
    source: Annotated[
        list[str] | None, typer.Option(help="A source that it may use, or a pattern: stripe-*. All, if none.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="What its callbacks may complete: awakeable, or Service/handler. All, if none."),
    ] = None,
    max_open: Annotated[int | None, typer.Option(help="At most so many open callbacks.")] = None,
    rate: Annotated[str | None, typer.Option(help="How fast it may issue: 10/s, 100/m, 5000/h.")] = None,
    ops: Annotated[bool, typer.Option("--ops", help="It sees and ends every client's callbacks.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Add a client, or a second token to one that is there, and print the token: it is shown this once only.

    Example: gateway clients add orders --source "stripe-*" --target "Checkout/*" --rate 100/m
    """
    loaded = settings.load(config)
    if not CLIENT_NAME.fullmatch(name):
        raise typer.BadParameter(f'"{name}": 1 to 32 of a-z, 0-9 and "-" are needed', param_hint="NAME")
    chosen: dict[str, Any] = {
        key: value
        for key, value in {
            "sources": source,
            "targets": target,
            "max_open": max_open,
            "rate": rate,
            "ops": ops or None,
        }.items()
        if value not in (None, [])
    }
    token = _PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    with _changing(loaded) as (filed, all_of_them):
        there = all_of_them.by_name.get(name)
        if there is None:
            filed[name] = _client(chosen | {"token_sha256": [digest]})
        else:
            if chosen:
                where = "the configuration" if name in loaded.clients else str(loaded.clients_file)
                raise ConfigurationError(
                    f"the client {name} is there already, and add gives it a second token only; change its "
                    f"{', '.join(chosen)} in {where}"
                )
            if len(there.token_sha256) >= MAX_TOKENS:
                named = " and ".join(map(fingerprint, there.token_sha256))
                raise ConfigurationError(
                    f"the client {name} has {MAX_TOKENS} tokens already, {named}; take one away first: "
                    f"gateway clients remove {name} --token {fingerprint(there.token_sha256[0])} "
                    "(gateway clients list says which was last used when)"
                )
            before = filed.get(name, Client())
            filed[name] = _client(_table(before) | {"token_sha256": [*before.token_sha256, digest]})
    if as_json:
        typer.echo(json.dumps({"client": name, "token": token, "fingerprint": fingerprint(digest)}, indent=2))
        return
    typer.echo(token)
    said = "has a second token" if there is not None and there.token_sha256 else "is added"
    typer.echo(
        f"{name} {said}, {fingerprint(digest)}, in {loaded.clients_file}. It is not shown again; a running "
        "gateway takes it up within two seconds.",
        err=True,
    )


@app.command()
def remove(
    name: Name,
    config: ConfigFile = None,
    token: Annotated[
        str | None, typer.Option(help="This token of it only, by its fingerprint; the client stays.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Remove a client or one of its tokens. Callback URLs that it has issued stay good.

    Example: gateway clients remove orders --token 3f9a2b1c
    """
    loaded = settings.load(config)
    with _changing(loaded) as (filed, all_of_them):
        there = all_of_them.by_name.get(name)
        if there is None:
            listed = ", ".join(all_of_them.by_name) or "none"
            raise ConfigurationError(f"there is no client {name}; there are {listed}")
        gone = [digest for digest in there.token_sha256 if token in (None, fingerprint(digest))]
        if token is not None and not gone:
            listed = ", ".join(map(fingerprint, there.token_sha256)) or "none"
            raise ConfigurationError(f"the client {name} has no token {token}; it has {listed}")
        kept_by_configuration = loaded.clients[name].token_sha256 if name in loaded.clients else ()
        if name in loaded.clients and (token is None or set(gone) & set(kept_by_configuration)):
            what = f"token {token}" if token else "client"
            raise ConfigurationError(
                f"the configuration describes this {what}: take it out of [clients.{name}] there, and restart"
            )
        left = [digest for digest in filed[name].token_sha256 if digest not in gone]
        if token is None or (name in loaded.clients and not left):
            del filed[name]
        else:
            filed[name] = _client(_table(filed[name]) | {"token_sha256": left})
    fingerprints = [fingerprint(digest) for digest in gone]
    if as_json:
        typer.echo(json.dumps({"client": name, "removed": fingerprints, "whole": token is None}, indent=2))
        return
    typer.echo(
        f"{name}{f': token {token}' if token else ''} is removed; a running gateway takes it up within two "
        "seconds."
    )
    if token is None or not (left or kept_by_configuration):
        typer.echo("Its open callbacks stay open, and nobody can issue as it any more.")


@contextmanager
def _changing(loaded: settings.Settings) -> Iterator[tuple[dict[str, Client], Clients]]:
    """
    The clients of the file, to be changed, and all clients; written back at the end, if nothing was raised.

    Two commands at once are done one after the other.
    """
    file = loaded.clients_file
    try:
        folder = os.open(file.parent, os.O_RDONLY)
    except OSError as error:
        raise ConfigurationError(f"clients_file: {file.parent}: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        filed = clients.load(file) or {}
        yield filed, _all(loaded, filed)
        _all(loaded, filed)  # what the gateway would not take is not written
        clients.save(file, filed)
    finally:
        os.close(folder)


def _all(loaded: settings.Settings, filed: dict[str, Client]) -> Clients:
    return Clients.of(loaded.clients, filed, loaded.clients_file)


def _table(client: Client) -> dict[str, Any]:
    return client.model_dump(exclude_unset=True)


def _client(table: dict[str, Any]) -> Client:
    try:
        return Client(**table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        option = {"sources": "--source", "targets": "--target"}.get(
            str(first["loc"][0]), f"--{str(first['loc'][0]).replace('_', '-')}"
        )
        raise typer.BadParameter(first["msg"].removeprefix("Value error, "), param_hint=option) from None
