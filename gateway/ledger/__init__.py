"""
The durable record of callbacks and deliveries.

`Ledger` is what the rest of the gateway knows of it; the modules beside this one hold the operations that
run inside its transactions, and the stores that run them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway.ledger import sqlite
from gateway.ledger.worker import WRITE_TIMEOUT, Operation, Result, Watch
from gateway.secret import Secret

_SQLITE = "sqlite:///"


class Ledger(Protocol):
    """A store that runs operations in flushed commits."""

    #: Whether one process owns it: nobody else's effects are in flight then.
    exclusive: bool

    async def write(
        self,
        operation: Operation[Result],
        within: float | None = WRITE_TIMEOUT,
        late: Callable[[Result], None] | None = None,
    ) -> Result:
        """
        The operation's result once it is committed and flushed; `TryLater` where that can't be had in time.

        Where it is there after all, `late` is told, in the event loop.
        """
        ...

    async def note(self, operation: Operation[Result], within: float | None = WRITE_TIMEOUT) -> Result:
        """The same without the flush: for what may be lost with the next power cut."""
        ...

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """The result of an operation that only reads."""
        ...

    def size(self) -> int | None:
        """The bytes that it takes on our disk; None where that is another machine's matter."""
        ...

    def close(self) -> None:
        """Finish what was submitted and let go of the store."""
        ...


def connect(url: Secret, watch: Watch | None = None) -> Ledger:
    """
    The ledger at an URL that `gateway.sources.ledger_url` gave; `watch` is told what it does.

    Raises `ConfigurationError` where it can't be opened.
    """
    text = url.reveal().decode()
    if text.startswith(_SQLITE):
        return sqlite.SqliteLedger(Path(text.removeprefix(_SQLITE)), watch)
    from gateway.ledger import postgres

    return postgres.PostgresLedger(url, watch)


def look(url: Secret, operation: Operation[Result]) -> Result | None:
    """
    The result of an operation that only reads, on a ledger that a running gateway may use; None where no
    gateway has been started on it yet.

    Raises `ConfigurationError` where it can't be read.
    """
    text = url.reveal().decode()
    if text.startswith(_SQLITE):
        path = Path(text.removeprefix(_SQLITE))
        return sqlite.look(path, operation) if path.exists() else None
    from gateway.ledger import postgres

    return postgres.look(url, operation)
