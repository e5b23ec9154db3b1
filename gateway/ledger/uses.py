"""
When the secrets of sources and the tokens of clients were last of use, by their fingerprints.

Noted in memory on a delivery's way, and written beside it: what is new within a second or two, what repeats
about once a minute. All replicas write into the same rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from gateway.advice import Use
from gateway.errors import TryLater
from gateway.ledger import Ledger
from gateway.ledger.worker import Transaction
from gateway.log import logger

#: A use that repeats is written so often: whoever looks wants days.
WRITE_EVERY = 60.0
#: What is new is written this long after it came, together with what else is.
_GATHER = 1.0
_WRITE_SECONDS = 5.0


class Kind(StrEnum):
    """What has secrets of its own."""

    SOURCE = "source"
    CLIENT = "client"


class Used(NamedTuple):
    """A secret of a source, or a token of a client."""

    kind: Kind
    name: str
    fingerprint: str


def record(uses: Mapping[Used, Use]) -> Callable[[Transaction], None]:
    """The operation that adds uses to those on record."""

    def operation(tx: Transaction) -> None:
        # Always in the same order: two replicas must not wait for each other.
        for used, use in sorted(uses.items()):
            tx.run(
                "INSERT INTO uses (kind, name, fingerprint, since, first_used, last_used) "
                "VALUES (:kind, :name, :fingerprint, :since, :first, :last) "
                "ON CONFLICT (kind, name, fingerprint) DO UPDATE SET "
                "since = CASE WHEN excluded.since < uses.since THEN excluded.since ELSE uses.since END, "
                "first_used = CASE WHEN excluded.first_used < uses.first_used THEN excluded.first_used "
                "ELSE COALESCE(uses.first_used, excluded.first_used) END, "
                "last_used = CASE WHEN excluded.last_used > uses.last_used THEN excluded.last_used "
                "ELSE COALESCE(uses.last_used, excluded.last_used) END",
                {
                    "kind": used.kind,
                    "name": used.name,
                    "fingerprint": used.fingerprint,
                    "since": _ms(use.since),
                    "first": _ms(use.first),
                    "last": _ms(use.last),
                },
            )

    return operation


def known(kind: Kind) -> Callable[[Transaction], dict[Used, Use]]:
    """The query for the uses on record."""

    def operation(tx: Transaction) -> dict[Used, Use]:
        rows = tx.all("SELECT * FROM uses WHERE kind = :kind", {"kind": kind})
        return {
            Used(kind, row["name"], row["fingerprint"]): Use(
                row["since"] / 1000, _seconds(row["first_used"]), _seconds(row["last_used"])
            )
            for row in rows
        }

    return operation


@dataclass
class Uses:
    """Uses on their way into the ledger. `written_at`, in seconds, is when the last were, None for never."""

    clock: Callable[[], float]
    written_at: float | None = None
    _waiting: dict[Used, Use] = field(default_factory=dict)
    #: When each was of use for the first and the last time since it was folded into those that wait.
    _noted: dict[Used, list[float]] = field(default_factory=dict)
    _seen: set[Used] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def there(self, used: Iterable[Used]) -> None:
        """Secrets are there to be used from now on, if they were not before."""
        now = self._now()
        for one in used:
            self._waiting.setdefault(one, Use(now))
            self._news.set()

    def note(self, used: Used) -> None:
        """A secret was of use just now."""
        now = self.clock()
        noted = self._noted.get(used)
        if noted is not None:
            noted[1] = now
            return
        self._noted[used] = [now, now]
        if used not in self._seen:
            self._seen.add(used)
            self._news.set()

    async def known(self, ledger: Ledger, kind: Kind) -> dict[Used, Use]:
        """What is on record, with what is not written yet. Raises `TryLater`."""
        found = await ledger.read(known(kind))
        self._fold()
        for used, use in self._waiting.items():
            if used.kind is kind:
                found[used] = found[used].with_(use) if used in found else use
        return found

    async def run(self, ledger: Ledger) -> None:
        """Write what comes until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITE_EVERY):
                    await self._news.wait()
            await asyncio.sleep(_GATHER)
            self._news.clear()
            await self.write(ledger)

    async def write(self, ledger: Ledger, within: float = _WRITE_SECONDS) -> None:
        """Write what waits; what can't be written waits on."""
        self._fold()
        waiting, self._waiting = self._waiting, {}
        try:
            if waiting:
                await ledger.write(record(waiting), within)
            self.written_at = self._now()
        except Exception as error:
            for used, use in waiting.items():
                self._waiting[used] = self._waiting[used].with_(use) if used in self._waiting else use
            reason = error.detail if isinstance(error, TryLater) else type(error).__name__
            logger.warning("uses of secrets are not recorded yet", error=reason)

    def _fold(self) -> None:
        noted, self._noted = self._noted, {}
        for used, times in noted.items():
            # As the ledger keeps them: what is shown does not change by being written.
            first, last = (round(time, 3) for time in times)
            use = Use(first, first, last)
            self._waiting[used] = self._waiting[used].with_(use) if used in self._waiting else use

    def _now(self) -> float:
        return round(self.clock(), 3)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
