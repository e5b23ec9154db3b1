"""
An SQLite ledger as a whole: into a backup, and back from one.

A backup is one file: a ledger of its own, of one moment, taken beside a running gateway by SQLite's backup
API (https://sqlite.org/backup.html). It holds what the ledger holds, awakeable ids too: it is made 0600.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.ledger.file import damage
from gateway.ledger.migrate import migrate
from gateway.ledger.sqlite import own

_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a ledger holds: its size in bytes, and how many callbacks, deliveries and owed effects."""

    size: int
    callbacks: int
    deliveries: int
    pending: int


def backup(ledger: Path, to: Path, force: bool = False) -> Holdings:
    """
    Write a backup of a ledger, which a gateway may be using, to a file; it is there whole or not at all.

    Raises `ConfigurationError` where the ledger or the copy is damaged, where it can't be written, and
    where the file exists and `force` is False.
    """
    if to.exists() and not force:
        raise _exists(to)
    if not ledger.exists():
        raise ConfigurationError(f"there is no ledger at {ledger}; ledger.url names it")
    if to.exists() and to.samefile(ledger):
        raise ConfigurationError(f"{to} is the ledger itself; name another file")
    with _beside(to) as copy:
        held = _copied(ledger, copy)
        try:
            if force:
                os.rename(copy, to)
            else:
                os.link(copy, to)  # unlike a rename it replaces none that came meanwhile
        except FileExistsError:
            raise _exists(to) from None
    return held


def restore(ledger: Path, backup: Path, moment: str) -> tuple[Holdings, Path | None]:
    """
    Put a backup in a ledger's place; what it holds, and where the ledger that was there is kept.

    The schema is brought up to date. `moment` goes into the name of what is kept aside. Raises
    `ConfigurationError` where a gateway uses the ledger or the backup is none; nothing has changed then.
    """
    if not backup.is_file():
        raise ConfigurationError(f"there is no backup at {backup}")
    if ledger.exists() and backup.samefile(ledger):
        raise ConfigurationError(f"{backup} is the ledger itself; name a backup")
    lock = own(ledger)
    try:
        with _beside(ledger) as copy:
            _copied(backup, copy)
            migrate(copy)
            held = _looked_at(copy)
            aside = _put_aside(ledger, ledger.with_name(f"{ledger.name}.before-restore-{moment}"))
            os.rename(copy, ledger)
        return held, aside
    finally:
        lock.close()


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A file of a name of its own in the same folder, for its owner only; flushed, or gone, at the end."""
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        os.fchmod(descriptor, _MODE)
        os.close(descriptor)
        try:
            yield Path(name)
            _flush(file.parent)
        finally:
            for left in (name, f"{name}-journal", f"{name}-wal", f"{name}-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(left)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None


def _copied(source: Path, copy: Path) -> Holdings:
    """Copy a database of one moment, check the copy whole, flush it; what it holds."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(copy, isolation_level=None)) as writing,
        ):
            # In one step: nobody is held up by it, and it is of one moment.
            reading.backup(writing)
            # One file, without a log beside it.
            writing.execute("PRAGMA journal_mode = DELETE")
            problem = damage(writing)
    except sqlite3.OperationalError as error:
        raise ConfigurationError(f"{source}: cannot be copied to {copy.parent}: {error}") from None
    except sqlite3.DatabaseError as error:
        problem = str(error)
    if problem is not None:
        raise ConfigurationError(f"{source} is damaged, a copy would be too: {problem}")
    _flush(copy)
    return _looked_at(copy, source)


def _looked_at(file: Path, called: Path | None = None) -> Holdings:
    with closing(sqlite3.connect(file)) as connection:
        try:
            counts = [
                connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
                for what in ("callbacks", "deliveries", "events WHERE outcome = 'pending'")
            ]
        except sqlite3.OperationalError:
            raise ConfigurationError(f"{called or file} is no gateway's ledger") from None
    return Holdings(file.stat().st_size, *counts)


def _put_aside(ledger: Path, aside: Path) -> Path | None:
    """Keep the ledger that is there under another name, with its log where that can't be taken in."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = aside if ledger.stat().st_size else None
    if kept:
        # A second name: there is a ledger at the old one at every moment.
        os.link(ledger, kept)
    # The new file must not be taken for what the old one's log goes on from.
    log = Path(f"{ledger}-wal")
    with suppress(FileNotFoundError):
        if log.stat().st_size:
            log.rename(f"{aside}-wal")
        else:
            log.unlink()
    Path(f"{ledger}-shm").unlink(missing_ok=True)
    return kept


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(file: Path) -> ConfigurationError:
    return ConfigurationError(f"{file} is there already; name another file, or say --force to replace it")
