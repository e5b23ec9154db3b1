"""What `gateway keys list` and `gateway keys check` show."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import typer

from gateway.cli.keystore import KeyStore
from gateway.keyring import KeyRing, Status
from gateway.ledger import issuing, keychanges


def show_keys(store: KeyStore, as_json: bool) -> None:
    """The keys in the key file."""
    ring = store.load()
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


def show_history(store: KeyStore, as_json: bool) -> None:
    """Every change: those that the ledger knows, and those that no gateway has taken into it yet."""
    changes = sorted({*store.load().changes, *(store.look(keychanges.history) or ())})
    if as_json:
        shown = [
            {"at": one.at.isoformat(), "key": one.key_id, "action": one.action, "by": one.by}
            for one in changes
        ]
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo(f"{'AT':<21} {'KEY':<17} {'ACTION':<8} BY")
    for one in changes:
        at = one.at.astimezone(UTC)
        typer.echo(f"{at:%Y-%m-%d %H:%M:%S}Z  {one.key_id:<17} {one.action:<8} {one.by}")


def check(store: KeyStore, max_age: float, as_json: bool) -> None:
    """What is wrong and what is due; exit code 1 where there is either. `max_age` is in seconds."""
    ring = store.load()  # what is wrong with the file itself is said by this
    wrong = _substituted(store, ring)
    replicas = store.replicas()
    for one in replicas:
        if one.error is not None:
            wrong.append(f"{one.name} does not take the key file: {one.error}")
        elif not one.agrees(ring):
            wrong.append(f"{one.name} has other keys in force: {_told(one.keys)}; here: {_told_ring(ring)}")
    due = _due(store, ring, max_age)
    if as_json:
        shown = {
            "primary": ring.primary.id,
            "age_days": int(_age(ring)) // 86400,
            "replicas": [one.name for one in replicas],
            "wrong": wrong,
            "due": due,
        }
        typer.echo(json.dumps(shown, indent=2))
    else:
        typer.echo(
            f"{store.path}: {len(ring.keys)} keys, primary {ring.primary.id}, "
            f"{int(_age(ring)) // 86400} days old"
        )
        typer.echo(f"Gateways that serve: {', '.join(one.name for one in replicas) or 'none'}")
        for line in wrong:
            typer.echo(f"WRONG  {line}")
        for line in due:
            typer.echo(f"DUE    {line}")
    if wrong or due:
        raise typer.Exit(1)


def _substituted(store: KeyStore, ring: KeyRing) -> list[str]:
    used = store.look(keychanges.used) or {}
    return [
        f"the key id {key.id} was used before with other bytes; a new key needs a new id"
        for key in ring.keys
        if used.get(key.id, key.fingerprint) != key.fingerprint
    ]


def _due(store: KeyStore, ring: KeyRing, max_age: float) -> list[str]:
    due = []
    if _age(ring) > max_age:
        due.append(f"the primary key is {int(_age(ring)) // 86400} days old: gateway keys rotate")
    if ring.waiting is not None:
        due.append(f"{ring.waiting.id} was added and not promoted: gateway keys promote {ring.waiting.id}")
    for key in ring.keys:
        old = key.status is Status.ENABLED and key is not ring.waiting
        if old and not store.look(issuing.needing(key.id, time.time())):
            due.append(f"no open callback needs {key.id} any more: gateway keys retire {key.id}")
    return due


def _age(ring: KeyRing) -> float:
    """The age of the primary key, in seconds."""
    return (datetime.now(UTC) - ring.primary.created_at).total_seconds()


def _told(keys: object) -> str:
    assert isinstance(keys, dict)
    return ", ".join(f"{key_id} {key.status} {key.fingerprint}" for key_id, key in keys.items())


def _told_ring(ring: KeyRing) -> str:
    return ", ".join(f"{key.id} {key.status} {key.fingerprint}" for key in ring.keys)
