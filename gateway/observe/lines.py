"""
The log line of a request: one for each delivery, a batch included, and one for what is refused.

Anybody can have requests refused, so that those of what is not verified are sampled: a flood does not fill a
disk. All of them are counted in the metrics.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from structlog.typing import FilteringBoundLogger

from gateway.ledger.records import Disposed
from gateway.log import logger, write
from gateway.observe.passage import Passage
from gateway.outcome import Outcome

#: Lines a second of each kind of refusal.
_SAMPLED = 10
#: Of a batch so many events are listed; all are counted.
_LISTED = 20


@dataclass
class Lines:
    """Writes the lines. What was left out of a kind of refusal is counted in its next line."""

    #: Bound once, when logging is set up: the module's own logger looks that up for each line.
    _logger: FilteringBoundLogger | None = None
    _second: int = 0
    _written: Counter[str] = field(default_factory=Counter)
    _left_out: Counter[str] = field(default_factory=Counter)

    def tell(self, passage: Passage) -> None:
        """Write the line of a request, where it has one."""
        if passage.disposed or passage.outcome is Outcome.CHALLENGE:
            self._write(level(passage), "delivery", values(passage))
        elif passage.refused and self._is_sampled(passage.refused):
            left_out = self._left_out.pop(passage.refused, 0)
            more = {"left_out": left_out} if left_out else {}
            event = "delivery" if passage.delivery_id else "refused"
            self._write(level(passage), event, values(passage) | more)

    def _write(self, level: int, event: str, values: dict[str, Any]) -> None:
        if self._logger is None:
            self._logger = logger.bind()
        write(self._logger, level, event, values)

    def _is_sampled(self, kind: str) -> bool:
        second = int(monotonic())
        if second != self._second:
            self._second = second
            self._written.clear()
        self._written[kind] += 1
        if self._written[kind] > _SAMPLED:
            self._left_out[kind] += 1
            return False
        return True


def level(passage: Passage) -> int:
    """How much somebody has to look: at money that is told two things above all."""
    # Whoever scans for URLs is no news; that a source's webhooks are refused is.
    level = logging.WARNING if passage.refused and passage.source else logging.INFO
    for one in passage.disposed:
        if one.contradicts:
            return logging.ERROR
        if one.conflict or one.adopted:
            level = logging.WARNING
    return logging.ERROR if passage.status == 500 else level


def values(passage: Passage) -> dict[str, Any]:
    """What the line says: what is known, in milliseconds where it is a time."""
    found: dict[str, Any] = {
        "source": passage.source,
        "delivery": passage.delivery_id,
        "replay_of": passage.replay_of,
        "callback": passage.callback_id,
        "key": passage.key_id,
        "outcome": passage.outcome,
        "refused": passage.refused,
        "reason": passage.reason,
        "status": passage.status,
        "request_id": passage.request_id,
    }
    if len(passage.disposed) == 1:
        _event(found, passage.disposed[0], passage.outcomes[:1])
    elif passage.disposed:
        found["outcomes"] = Counter(passage.outcomes or [one.outcome for one in passage.disposed])
        found["events"] = [
            _told(_event({}, one, passage.outcomes[place : place + 1]))
            for place, one in enumerate(passage.disposed[:_LISTED])
        ]
    found["ms"] = {step: (ended - began) // 1000 / 1000 for step, began, ended in passage.steps}
    found["total_ms"] = (passage.ended - passage.began) // 1000 / 1000
    return _told(found)


def _event(found: dict[str, Any], one: Disposed, outcome: list[Outcome]) -> dict[str, Any]:
    """`outcome` is what it came to once Restate was told; [] where that is not known."""
    found["callback"] = one.callback_id
    found["event_type"] = one.event_type
    # As plain text: an enumeration's member takes longer to write than the rest.
    found["outcome"] = str(outcome[0] if outcome else one.outcome)
    found["conflict"] = one.conflict
    found["contradicts"] = one.contradicts
    found["adopted"] = one.adopted
    return found


def _told(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value}
