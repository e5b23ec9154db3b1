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
    # Written out, as each delivery has a line: to ask in a loop what is known costs three times as much.
    found: dict[str, Any] = {}
    disposed = passage.disposed
    one = disposed[0] if len(disposed) == 1 else None
    callback_id = one.callback_id if one else passage.callback_id
    outcome = _outcome(one, passage.outcomes) if one else passage.outcome
    if passage.source:
        found["source"] = passage.source
    if passage.delivery_id:
        found["delivery"] = passage.delivery_id
    if passage.replay_of:
        found["replay_of"] = passage.replay_of
    if callback_id:
        found["callback"] = callback_id
    if passage.key_id:
        found["key"] = passage.key_id
    if outcome:
        found["outcome"] = outcome
    if passage.refused:
        found["refused"] = passage.refused
    if passage.reason:
        found["reason"] = passage.reason
    if passage.status:
        found["status"] = passage.status
    found["request_id"] = passage.request_id
    if one:
        if one.event_type:
            found["event_type"] = one.event_type
        _judged(found, one)
    elif disposed:
        found["outcomes"] = Counter(passage.outcomes or [one.outcome for one in disposed])
        found["events"] = [
            _event(one, passage.outcomes[place : place + 1]) for place, one in enumerate(disposed[:_LISTED])
        ]
    if passage.steps:
        found["ms"] = {step: (ended - began) // 1000 / 1000 for step, began, ended in passage.steps}
    if total := (passage.ended - passage.began) // 1000:
        found["total_ms"] = total / 1000
    return found


def _event(one: Disposed, outcomes: list[Outcome]) -> dict[str, Any]:
    """What is listed of one of several events."""
    found: dict[str, Any] = {"callback": one.callback_id} if one.callback_id else {}
    if one.event_type:
        found["event_type"] = one.event_type
    found["outcome"] = _outcome(one, outcomes)
    _judged(found, one)
    return found


def _outcome(one: Disposed, outcomes: list[Outcome]) -> str:
    """What an event came to: the first of `outcomes`, which has none where that is not known."""
    # As plain text: an enumeration's member takes longer to write than the rest.
    return str(outcomes[0] if outcomes else one.outcome)


def _judged(found: dict[str, Any], one: Disposed) -> None:
    if one.conflict:
        found["conflict"] = one.conflict
    if one.contradicts:
        found["contradicts"] = one.contradicts
    if one.adopted:
        found["adopted"] = one.adopted
