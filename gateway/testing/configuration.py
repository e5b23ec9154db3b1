"""The files of a test's gateway: `gateway.toml`, which is written anew with every source, and its keys."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import keyfile, settings, sources
from gateway.keyring import SECRET_BYTES, Key, KeyRing, Status
from gateway.secret import Secret
from gateway.settings import Settings
from gateway.sources import Source

#: More than a test needs, and few enough for whatever number of files a process may open.
_CONNECTIONS = 100


@dataclass
class Configuration:
    """
    What the gateway of a test is configured with, in a folder of its own.

    `token` is that of the client `service`, which is for the code under test; `ops_token` is the kit's own.
    `admin_url` is None where there is no Restate to ask.
    """

    folder: Path
    public: str
    internal: str
    ingress_url: str
    admin_url: str | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    ops_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    sources: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def public_url(self) -> str:
        """The address that providers reach it at."""
        return f"http://{self.public}"

    @property
    def internal_url(self) -> str:
        """The address of the API for services."""
        return f"http://{self.internal}"

    def load(self) -> Settings:
        """Write `gateway.toml`, and a signing key where there is none, and read the settings from there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = self.folder / "keys.json"
        if not keys.exists():
            key = Key("k1", Secret(os.urandom(SECRET_BYTES)), Status.PRIMARY, datetime.now(UTC))
            keyfile.save(keys, KeyRing((key,), "default"))
        file = self.folder / "gateway.toml"
        # The secrets in it are good for this folder's gateway; others of the machine need not have them.
        file.touch(0o600)
        file.write_text("".join(self._lines()))
        # What the environment says is meant for another gateway.
        return settings.load(file, {})

    def source(self, name: str, table: Mapping[str, Any]) -> Source:
        """
        Add or replace a source, `[sources.NAME]` with these settings.

        Raises `ConfigurationError` that says what is wrong with it, and then nothing has changed.
        """
        before = self.sources
        self.sources = {**before, name: table}
        try:
            return sources.load(self.load(), {})[name]
        except BaseException:
            self.sources = before
            self.load()
            raise

    def _lines(self) -> Iterator[str]:
        restate = {"ingress_urls": [self.ingress_url]}
        yield from _table("", {"public_url": self.public_url})
        yield from _table("listen", {"public": self.public, "internal": self.internal})
        yield from _table("restate", restate | ({"admin_url": self.admin_url} if self.admin_url else {}))
        yield from _table("limits", {"connections": _CONNECTIONS})
        for name, token, ops in (("service", self.token, False), ("kit", self.ops_token, True)):
            digest = hashlib.sha256(token.encode()).hexdigest()
            yield from _table(f"clients.{name}", {"token_sha256": digest, "ops": ops})
        for name, table in self.sources.items():
            yield from _table(f"sources.{name}", table)


def _table(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A table of TOML, which writes texts, numbers, truth values and lists of these as JSON does."""
    if name:
        yield f"\n[{name}]\n"
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    for key, value in values.items():
        if key not in inner and value is not None:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
    for key, value in inner.items():
        yield from _table(f"{name}.{key}", value)
