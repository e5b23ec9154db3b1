"""
The durable record of callbacks and deliveries.

`Ledger` is what the rest of the gateway knows of it; the modules beside this one hold the operations that
run inside its transactions, and the stores that run them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from gateway.ledger.sqlite import WRITE_TIMEOUT, SqliteLedger
from gateway.ledger.worker import Operation, Result


class Ledger(Protocol):
    """A store that runs operations in flushed commits."""

    async def write(self, operation: Operation[Result], within: float | None = WRITE_TIMEOUT) -> Result:
        """The operation's result once it is committed and flushed; `TryLater` where that can't be had."""
        ...

    async def read(self, operation: Operation[Result], within: float | None = 5) -> Result:
        """The result of an operation that only reads."""
        ...

    def close(self) -> None:
        """Finish what was submitted and let go of the store."""
        ...


def connect(url: str) -> Ledger:
    """The ledger at an URL that the settings have checked."""
    return SqliteLedger(Path(url.removeprefix("sqlite:///")))
