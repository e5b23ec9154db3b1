"""
What is recorded of deliveries that have no events: not verified, not readable, or a handshake.

They are written beside the answer, in small operations with pauses between them: whoever sends forgeries in
a flood fills a bounded queue and holds up nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from gateway.delivery import Delivery
from gateway.errors import TryLater
from gateway.ledger import Ledger
from gateway.ledger.worker import Transaction
from gateway.log import logger
from gateway.outcome import Outcome

#: Of one delivery: a body, the values of the headers that its provider's scheme reads, and a query.
MAX_BODY = 16 * 1024
_MAX_HEADERS = 8 * 1024
_MAX_QUERY = 2048
#: Of a source: the last ones are those that somebody asks about.
KEPT = 1000
TRIM = (
    "DELETE FROM deliveries WHERE source = :source AND outcome IS NOT NULL AND id <= (SELECT id FROM "
    "deliveries WHERE source = :source AND outcome IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET :kept)"
)
#: 500 of 16 kB are 8 MB; 25 of them are written in a few milliseconds, 100 a second.
_MAX_WAITING = 500
_BATCH = 25
_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A delivery without events, cut to what is kept of it. `size` is that of the body as it came.

    `callback_id` is the one that its token names; None for an account's URL. `reason` is in our own words.
    """

    id: str
    source: str
    callback_id: str | None
    delivery: Delivery
    size: int
    kept_headers: list[tuple[str, str]] = field(repr=False)
    secret: str
    outcome: Outcome
    reason: str
    replay_of: str | None

    @classmethod
    def of(
        cls,
        delivery_id: str,
        source: str,
        callback_id: str | None,
        delivery: Delivery,
        headers: list[tuple[str, str]],
        secret: str,
        outcome: Outcome,
        reason: str,
        replay_of: str | None,
    ) -> Refused:
        """What is kept of a delivery. Headers or a query that are too long for any provider are left out."""
        return cls(
            id=delivery_id,
            source=source,
            callback_id=callback_id,
            delivery=replace(delivery, body=delivery.body[:MAX_BODY]),
            size=len(delivery.body),
            kept_headers=headers if sum(len(n) + len(v) for n, v in headers) <= _MAX_HEADERS else [],
            secret=secret,
            outcome=outcome,
            reason=reason,
            replay_of=replay_of,
        )


def record(refused: Sequence[Refused]) -> Callable[[Transaction], None]:
    """The operation that writes deliveries without events, and drops those of their sources that are old."""

    def operation(tx: Transaction) -> None:
        for one in refused:
            query = one.delivery.url.partition("?")[2]
            tx.insert(
                "deliveries",
                {
                    "id": one.id,
                    "source": one.source,
                    "callback_id": one.callback_id,
                    "received_at": int(one.delivery.received_at * 1000),
                    "method": one.delivery.method,
                    "query": query if len(query) <= _MAX_QUERY else "",
                    "headers": json.dumps(one.kept_headers),
                    "body": one.delivery.body,
                    "size": one.size,
                    "secret": one.secret,
                    "outcome": one.outcome,
                    "reason": one.reason,
                    "replay_of": one.replay_of,
                    "eventless": True,
                },
            )
        for source in sorted({one.source for one in refused}):
            tx.run(TRIM, {"source": source, "kept": KEPT})

    return operation


@dataclass
class Refusals:
    """
    Deliveries without events on their way into the ledger.

    `unknown_tokens` counts what was not even that, and is not recorded; `dropped` what did not get in.
    """

    unknown_tokens: int = 0
    dropped: int = 0
    _waiting: deque[Refused] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def keep(self, refused: Refused) -> None:
        """Have a delivery recorded soon; it is dropped, and counted, where too many wait already."""
        if len(self._waiting) >= _MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append(refused)
        self._arrived.set()

    async def run(self, ledger: Ledger) -> None:
        """Write what comes until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._write(ledger, _BATCH)
                await asyncio.sleep(_PAUSE)

    async def drain(self, ledger: Ledger, within: float) -> None:
        """Write what is left, when the gateway stops."""
        if self._waiting:
            await self._write(ledger, _MAX_WAITING, within)

    async def _write(self, ledger: Ledger, limit: int, within: float = 5) -> None:
        batch = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        try:
            await ledger.write(record(batch), within)
        except Exception as error:
            # Nobody was told that they are kept. The text of an error of ours may hold anything.
            self.dropped += len(batch)
            reason = error.detail if isinstance(error, TryLater) else type(error).__name__
            logger.error("refused deliveries are not recorded", count=len(batch), error=reason)
