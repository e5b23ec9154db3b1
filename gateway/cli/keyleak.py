"""What `gateway keys revoke` tells: which callbacks a leaked key has taken with it, or their new URLs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import typer

from gateway import urls
from gateway.cli.keystore import KeyStore, say
from gateway.errors import ConfigurationError
from gateway.keyring import Key, KeyRing, Status
from gateway.ledger import revoking
from gateway.ledger.records import Callback
from gateway.ledger.replicas import Replica


def tell(store: KeyStore, key_id: str, as_json: bool, seconds: float) -> None:
    """Wait until every running gateway has done it, and list the callbacks of a key that is revoked."""
    ring = store.load()
    key = ring.key(key_id)
    if key is None or key.status is not Status.REVOKED:
        # It is a mounted Secret, and its new data is not there yet.
        store.tell(
            as_json,
            f"{key_id}: to be revoked. Once it is applied, gateway keys revoke {key_id} lists its callbacks.",
        )
        return

    def takes(one: Replica) -> str | None:
        loaded = one.keys.get(key_id)
        if loaded is None or loaded.status is Status.REVOKED:
            return None
        return f"still takes its URLs: {one.error or f'it has reported {one.silent:.0f} s ago'}"

    try:
        behind = store.lacking(takes, seconds)
        callbacks = store.look(revoking.of(key, time.time())) or []
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{key_id}: revoked in the key file; its callbacks can't be listed now, gateway keys revoke "
            f"{key_id} tries again: {error}"
        ) from None
    shown = [_shown(store, ring, key, callback) for callback in callbacks]
    if as_json:
        say(
            True,
            "",
            key=key_id,
            status=key.status,
            primary=ring.primary.id,
            successor=key.successor,
            behind=behind,
            callbacks=shown,
        )
    else:
        _print(store, ring, key, shown)
    for line in behind:
        typer.echo(f"{line}; it is not safe yet", err=True)
    if behind:
        raise typer.Exit(1)


def _shown(store: KeyStore, ring: KeyRing, key: Key, callback: Callback) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": callback.id,
        "client": callback.client,
        "source": callback.source,
        "label": callback.label,
        "expires_at": datetime.fromtimestamp(callback.expires_at, UTC).isoformat(),
    }
    # Signed as every gateway does it: with the key that the callback goes, or has gone, to.
    successor = ring.verifying(key.successor or "")
    if successor is None:
        return shown
    if callback.approval is not None:
        return shown | {"urls": urls.of_approval(callback, ring, successor)}
    return shown | {"url": urls.of_callback(callback, ring, successor)}


def _print(store: KeyStore, ring: KeyRing, key: Key, shown: list[dict[str, Any]]) -> None:
    lines = [f"{key.id}: revoked, its URLs are answered 404. {ring.primary.id} is primary."]
    what = "closed" if key.successor is None else f"open, with new URLs signed with {key.successor}"
    lines.append(f"{len(shown)} callbacks are {what}{':' if shown else '.'}")
    for one in shown:
        label = f", {one['label']}" if one["label"] else ""
        lines.append(
            f"  {one['id']} of client {one['client'] or '(adopted)'}, source {one['source']}{label}, "
            f"until {datetime.fromisoformat(one['expires_at']):%Y-%m-%d %H:%M}Z"
        )
        if "url" in one:
            lines.append(f"    {one['url']}")
        lines += [f"    {recipient}: {url}" for recipient, url in one.get("urls", {}).items()]
    typer.echo("\n".join(lines))
