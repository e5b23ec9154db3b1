"""The text of a key file: read strictly, and without a byte of a key in any complaint."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from gateway.errors import ConfigurationError
from gateway.keyring import Change, Key, KeyRing, Status
from gateway.secret import Secret


def load(text: str | bytes, deployment: str) -> KeyRing:
    """
    The key ring that a key file holds; raises `ConfigurationError` without a byte of a key in it.

    Form: `{"keys": [{"id", "status", "secret": 64 hex digits, "created_at": RFC 3339}, …]}`, a revoked key
    with `"revoked_at"` and perhaps `"successor"`; and `"changes": [{"at", "key", "action", "by"}, …]`, which
    may be left out.
    """
    try:
        document: Any = json.loads(text)
        keys = tuple(_key(entry) for entry in document["keys"])
        changes = tuple(_change(entry) for entry in document.get("changes", ()))
    except ConfigurationError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # The text of a JSON or hex error can quote the input: its kind has to do.
        raise ConfigurationError(
            f'not a key file ({type(error).__name__}): {{"keys": [{{"id", "status", "secret", '
            '"created_at"}, …]} is needed, as "gateway keys init" writes it'
        ) from None
    return KeyRing(keys, deployment, changes)


def _key(entry: dict[str, Any]) -> Key:
    revoked_at = entry.get("revoked_at")
    successor = entry.get("successor")
    return Key(
        id=str(entry["id"]),
        secret=Secret(bytes.fromhex(entry["secret"])),
        status=Status(entry["status"]),
        created_at=datetime.fromisoformat(entry["created_at"]),
        revoked_at=None if revoked_at is None else datetime.fromisoformat(revoked_at),
        successor=None if successor is None else str(successor),
    )


def _change(entry: dict[str, Any]) -> Change:
    return Change(
        at=datetime.fromisoformat(entry["at"]),
        key_id=str(entry["key"]),
        action=str(entry["action"]),
        by=str(entry["by"]),
    )


def dump(ring: KeyRing) -> str:
    """The text of a key file."""
    keys = []
    for key in ring.keys:
        entry = {
            "id": key.id,
            "status": key.status,
            "created_at": key.created_at.isoformat(),
            "secret": key.secret.reveal().hex(),
        }
        if key.revoked_at is not None:
            entry["revoked_at"] = key.revoked_at.isoformat()
        if key.successor is not None:
            entry["successor"] = key.successor
        keys.append(entry)
    changes = [
        {"at": one.at.isoformat(), "key": one.key_id, "action": one.action, "by": one.by}
        for one in ring.changes
    ]
    return json.dumps({"keys": keys, "changes": changes}, indent=2) + "\n"
