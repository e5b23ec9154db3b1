"""
The key file: written whole or not at all, and taken up while the gateway runs.

A file that is broken leaves the last good ring in force and says why; so does one that gives a key id
that was ever used other bytes, which would be a substitution.

It may lie in a mounted Secret of Kubernetes, which is a folder of links that is swapped as a whole
(https://kubernetes.io/docs/concepts/configuration/secret/): read there, and never written.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway import keytext
from gateway.errors import ConfigurationError
from gateway.keyring import KeyRing

#: The running gateway takes up a change within two seconds; looking costs one `stat`.
_LOOK_EVERY = 0.5
#: Readable by the owner only.
_MODE = 0o600


def mounted(path: Path) -> bool:
    """Whether a key file, there or not, lies in a mounted Secret: beside it is the link that is swapped."""
    data = path.parent / "..data"
    return data.is_symlink() and (not path.exists() or path.resolve().is_relative_to(data.resolve()))


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
    # Whoever may read a mounted Secret is for Kubernetes to say: its files are 0644 in a folder of the pod's.
    if mode & 0o077 and not mounted(path):
        raise ConfigurationError(
            f"keys.file: {path} has mode {mode:04o}: others can read the keys; chmod 600 it, and if anybody "
            "may have read it, add and promote a new key"
        )
    try:
        return keytext.load(text, deployment)
    except ConfigurationError as error:
        raise ConfigurationError(f"keys.file: {path}: {error}") from None


def save(path: Path, ring: KeyRing, replace: bool = True) -> None:
    """
    Write a key file with mode 0600, atomically: whoever reads it finds the old one or the new one.

    What a link leads to is written, the link stays. Raises `ConfigurationError` where `replace` is False and
    there is one, or where it can't be written.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                os.fchmod(file.fileno(), _MODE)
                file.write(keytext.dump(ring))
                file.flush()
                os.fsync(file.fileno())
            if replace:
                os.rename(name, target)
            else:
                _put_where_none_is(name, target, path)
        except BaseException:
            os.unlink(name)
            raise
        _flush_folder(target.parent)
    except OSError as error:
        raise ConfigurationError(f"keys.file: {path}: {error.strerror}") from None


def _put_where_none_is(name: str, target: Path, path: Path) -> None:
    # A rename would replace a file that came meanwhile; a link is made by one of two that try at once.
    try:
        os.link(name, target)
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
    """
    The ring in force, since `loaded_at` (seconds since the epoch).

    `error` says why a newer file was not taken, `load_errors` counts the times that one was not.
    `disagreement` is what the other gateways on this ledger have differently.
    """

    path: Path
    deployment: str
    on_change: Callable[[KeyRing], None]
    on_error: Callable[[str], None]
    #: Called after each look that found the file changed, whether it was taken or not.
    on_look: Callable[[], None] = lambda: None
    ring: KeyRing = field(init=False)
    loaded_at: float = field(init=False)
    error: str | None = None
    load_errors: int = 0
    disagreement: str | None = None
    _used: dict[str, str] = field(default_factory=dict)
    _seen: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        self._seen = self._look()
        self._put_in_force(load(self.path, self.deployment))

    def remember(self, used: Mapping[str, str]) -> None:
        """
        Key ids that were ever used, with their fingerprints: from now on none of them may have other bytes.

        Raises `ConfigurationError` where one has in the ring in force.
        """
        self._used.update(used)
        self._refuse_other_bytes(self.ring)

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
            self._refuse_other_bytes(ring)
        except ConfigurationError as error:
            self.error = str(error)
            self.load_errors += 1
            self.on_error(self.error)
        else:
            self._put_in_force(ring)
            self.error = None
            self.on_change(ring)
        self.on_look()

    def _put_in_force(self, ring: KeyRing) -> None:
        self.ring = ring
        self.loaded_at = time.time()
        self._used.update((key.id, key.fingerprint) for key in ring.keys)

    def _refuse_other_bytes(self, ring: KeyRing) -> None:
        for key in ring.keys:
            if self._used.get(key.id, key.fingerprint) != key.fingerprint:
                raise ConfigurationError(
                    f"keys.file: {self.path}: key {key.id} has other bytes than before; a new key needs "
                    "a new id"
                )

    def _look(self) -> tuple[int, ...] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        # A mode that is mended counts as well; the clock of a file system may stand still for 4 ms.
        return stat.st_ino, stat.st_size, stat.st_ctime_ns, stat.st_mode
