"""`gateway clients list`: from the files, and from the ledger beside a running gateway."""

from __future__ import annotations

import json
import os
import time
from typing import Annotated, Any

import typer

from gateway import clients, settings
from gateway import sources as configured
from gateway.advice import Use, advise
from gateway.cli import ConfigFile
from gateway.clients import Clients, fingerprint
from gateway.errors import ConfigurationError
from gateway.ledger import issuing, look
from gateway.ledger.uses import Kind, Used, known
from gateway.settings import Client

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def list_clients(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """
    List clients with what they may, their open callbacks, and when their tokens were last used.

    Example: gateway clients list
    """
    loaded = settings.load(config)
    found = Clients.of(loaded.clients, clients.load(loaded.clients_file) or {}, loaded.clients_file)
    uses, opened, doubt = _from_ledger(loaded)
    shown = [
        {
            "name": name,
            "described_in": "configuration" if name in loaded.clients else str(loaded.clients_file),
            "tokens": _tokens(name, client, uses),
            "sources": client.sources,
            "targets": client.targets,
            "max_open": client.max_open,
            "rate": client.rate,
            "ops": client.ops,
            "open_callbacks": None if opened is None else opened.get(name, 0),
        }
        for name, client in sorted(found.by_name.items())
    ]
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
    elif not shown:
        typer.echo("No clients: nobody can issue. gateway clients add NAME makes one.")
    else:
        for one in shown:
            _print(one)
    if doubt:
        typer.echo(doubt, err=True)


def _print(one: dict[str, Any]) -> None:
    rights = [
        f"sources {', '.join(one['sources']) or 'none'}",
        f"targets {', '.join(one['targets']) or 'none'}",
    ]
    if one["rate"]:
        rights.append(f"rate {one['rate']}")
    if one["ops"]:
        rights.append("ops")
    typer.echo(f"{one['name']}  {'; '.join(rights)}")
    opened = "?" if one["open_callbacks"] is None else one["open_callbacks"]
    of = f" of {one['max_open']}" if one["max_open"] else ""
    typer.echo(f"  {opened}{of} callbacks open; described in {one['described_in']}")
    for token in one["tokens"]:
        typer.echo(f"  token {token['fingerprint']}  {token['advice']}")
    if not one["tokens"]:
        typer.echo(f"  no token: gateway clients add {one['name']} makes one")


def _tokens(name: str, client: Client, uses: dict[Used, Use] | None) -> list[dict[str, Any]]:
    now = time.time()
    prints = [fingerprint(digest) for digest in client.token_sha256]
    seen = [(uses or {}).get(Used(Kind.CLIENT, name, one)) for one in prints]
    # No running gateway has reported the token yet.
    advice = advise([use or Use(now) for use in seen], 0, now)
    return [
        {
            "fingerprint": one,
            "last_used": use and use.last,
            "advice": said.text
            if use
            else "not seen by a gateway yet"
            if uses is not None
            else "use unknown",
            "safe_to_remove": bool(use) and said.safe,
        }
        for one, use, said in zip(prints, seen, advice, strict=True)
    ]


def _from_ledger(loaded: settings.Settings) -> tuple[dict[Used, Use] | None, dict[str, int] | None, str]:
    """The uses of tokens, how many callbacks each client has open, and why that is not known."""
    try:
        url = configured.ledger_url(loaded, os.environ)
        found = look(url, lambda tx: (known(Kind.CLIENT)(tx), issuing.open_by_client(time.time())(tx)))
    except ConfigurationError as error:
        return None, None, f"Uses and open callbacks are not known: {error}"
    if found is None:
        return {}, {}, ""
    return *found, "Uses are written down about once a minute." if found[0] else ""
