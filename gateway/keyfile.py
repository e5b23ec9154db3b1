"""
The key file: written whole or not at all, and taken up while the gateway runs.

A file that is broken leaves the last good ring in force and says why; so does one that gives a key id
that is known other bytes, which would be a substitution.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway import keyring
from gateway.errors import ConfigurationError
from gateway.keyring import KeyRing

#: The running gateway takes up a change within two seconds; looking costs one `stat`.
_LOOK_EVERY = 0.5
#: Readable by the owner only.
_MODE = 0o600


def load(path: Path, deployment: str) -> KeyRing:
    """The ring in a key file. Raises `ConfigurationError` that says what to do."""
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            text = file.read()
    except FileNotFoundError:
        raise ConfigurationError(
            f'keys.file: {path} is not there; "gateway keys init" makes it with a first key'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"keys.file: {path}: {error}") from None
    if mode & 0o077:
        raise ConfigurationError(
            f"keys.file: {path} has mode {mode:04o}: others can read the keys; chmod 600 it, and if anybody "
            "may have read it, add and promote a new key"
        )
    try:
        return keyring.load(text, deployment)
    except ConfigurationError as error:
        raise ConfigurationError(f"keys.file: {path}: {error}") from None


def save(path: Path, ring: KeyRing, replace: bool = True) -> None:
    """
    Write a key file with mode 0600, atomically: whoever reads it finds the old one or the new one.

    Raises `ConfigurationError` where `replace` is False and there is one, or where it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                os.fchmod(file.fileno(), _MODE)
                file.write(keyring.dump(ring))
                file.flush()
                os.fsync(file.fileno())
            if replace:
                os.rename(name, path)
            else:
                _put_where_none_is(name, path)
        except BaseException:
            os.unlink(name)
            raise
        _flush_folder(path.parent)
    except OSError as error:
        raise ConfigurationError(f"keys.file: {path}: {error.strerror}") from None


def _put_where_none_is(name: str, path: Path) -> None:
    # A rename would replace a file that came meanwhile; a link is made by one of two that try at once.
    try:
        os.link(name, path)
    except FileExistsError:
        raise ConfigurationError(
            f'keys.file: {path} is there already; "gateway keys add" adds a key to it'
        ) from None
    os.unlink(name)


def _flush_folder(folder: Path) -> None:
    # The rename itself is durable only once the folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass
class WatchedKeyRing:
    """The ring in force; `error` says why a newer file was not taken."""

    path: Path
    deployment: str
    on_change: Callable[[KeyRing], None]
    on_error: Callable[[str], None]
    ring: KeyRing = field(init=False)
    error: str | None = None
    _seen: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        self._seen = self._look()
        self.ring = load(self.path, self.deployment)

    async def watch(self) -> None:
        """Take up changes until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            self.refresh()

    def refresh(self) -> None:
        """Take up the file if it has changed since the last look."""
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            ring = load(self.path, self.deployment)
            for key in ring.keys:
                known = self.ring.key(key.id)
                if known is not None and known.secret != key.secret:
                    raise ConfigurationError(
                        f"keys.file: {self.path}: key {key.id} has other bytes than before; a new key needs "
                        "a new id"
                    )
        except ConfigurationError as error:
            self.error = str(error)
            self.on_error(self.error)
            return
        self.ring, self.error = ring, None
        self.on_change(ring)

    def _look(self) -> tuple[int, ...] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        # A mode that is mended counts as well; the clock of a file system may stand still for 4 ms.
        return stat.st_ino, stat.st_size, stat.st_ctime_ns, stat.st_mode
