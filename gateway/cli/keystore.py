"""
Where the commands on keys read and write: the key file, and beside it the ledger, which is only read.

The key file alone says what is to be: every gateway takes it up, does what it says and reports so in the
ledger. So a command works whether gateways run or not, and one that was killed can be given again.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from gateway import keyfile, keytext, settings, sources
from gateway.errors import ConfigurationError
from gateway.keyring import Change, KeyRing
from gateway.ledger import look, replicas
from gateway.ledger.replicas import Replica
from gateway.ledger.worker import Operation, Result

#: Another command needs some milliseconds.
_LOCK_SECONDS = 10.0
#: How often what the gateways report is looked at.
_LOOK_EVERY = 0.1
#: The name of the Secret that is printed.
_SECRET = "gateway-keys"  # noqa: S105  # the name of one

#: What a gateway has to have done, and in words what it has not; None where it has.
Lacks = Callable[[Replica], str | None]


@dataclass(frozen=True)
class KeyStore:
    """A configuration's key file, and the ledger of the gateways that use it. `by` is who changes it."""

    settings: settings.Settings
    by: str

    @classmethod
    def of(cls, config: Path | None, by: str | None = None) -> KeyStore:
        """That of a configuration, in the hands of who is named, or of this machine's user."""
        return cls(settings.load(config), by or f"{_user()}@{os.uname().nodename}")

    @property
    def path(self) -> Path:
        """The key file."""
        return self.settings.keys.file

    @property
    def mounted(self) -> bool:
        """Whether it is a mounted Secret, which is not for us to write."""
        return keyfile.mounted(self.path)

    def load(self) -> KeyRing:
        """What the key file holds."""
        return keyfile.load(self.path, self.settings.deployment)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands from the key file; `ConfigurationError` where one keeps it for too long."""
        folder = self.path.resolve().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise ConfigurationError(f"keys.file: {self.path}: {error.strerror}") from None
        try:
            deadline = time.monotonic() + _LOCK_SECONDS
            while not _locked(descriptor):
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        f"keys.file: {self.path}: another `gateway keys` is at work on it; try again when it "
                        "has ended"
                    )
                time.sleep(0.02)
            yield
        finally:
            os.close(descriptor)

    def put(self, ring: KeyRing, *done: tuple[str, str], new: bool = False) -> None:
        """
        Write the ring, with who did what to which key: pairs of an action and a key's id.

        A mounted Secret's data is printed. `new` says that there is no key file yet: one that came meanwhile
        is not replaced.
        """
        now = moment()
        for action, key_id in done:
            ring = ring.noted(Change(now, key_id, action, self.by))
        if not self.mounted:
            keyfile.save(self.path, ring, replace=not new)
            return
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": _SECRET},
            "type": "Opaque",
            "stringData": {self.path.name: keytext.dump(ring)},
        }
        typer.echo(json.dumps(secret, indent=2))

    def look(self, operation: Operation[Result]) -> Result | None:
        """What the ledger says, running gateways or not; None where there is none yet."""
        return look(sources.ledger_url(self.settings, os.environ), operation)

    def replicas(self) -> list[Replica]:
        """The gateways that serve on this ledger."""
        return self.look(replicas.live) or []

    def lacking(self, lacks: Lacks, seconds: float, progress: bool = False) -> list[str]:
        """
        What the gateways that serve lack, as soon as it is nothing or after some seconds.

        With `progress` each change of it is told on stderr.
        """
        deadline = time.monotonic() + seconds
        told: list[str] = []
        while True:
            found = [f"{one.name} {lack}" for one in self.replicas() if (lack := lacks(one)) is not None]
            if not found or time.monotonic() > deadline:
                return found
            if progress and found != told:
                typer.echo(f"Waiting: {'; '.join(found)}", err=True)
                told = found
            time.sleep(_LOOK_EVERY)

    def tell(self, as_json: bool, text: str, **values: Any) -> None:
        """Print what `put` has done; beside a mounted Secret's data, which has stdout, on stderr."""
        if self.mounted:
            typer.echo(f"{text}\nNot yet: apply what is printed, with kubectl apply -f - say.", err=True)
        else:
            say(as_json, text, **values)


def say(as_json: bool, text: str, **values: Any) -> None:
    """Print something, for people or as JSON."""
    typer.echo(json.dumps(values, indent=2) if as_json else text)


def moment() -> datetime:
    """Now, in milliseconds, as the ledger keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container's user often has no name.
        return str(os.getuid())


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
