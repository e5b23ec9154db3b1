"""
What an event does to a callback, decided from what is known of both. No I/O, no clock.

The ledger asks this inside the transaction that claims the callback, so what is decided here is what
happens.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.outcome import Outcome, State
from gateway.rules import Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a callback stands when an event comes. `stream`: its target takes every event."""

    state: State
    expires_at: int
    stream: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """
    An effect that the same event had before. `here`: on the same callback. `same`: with the same content.
    """

    here: bool
    same: bool


@dataclass(frozen=True, slots=True)
class Disposal:
    """
    What becomes of an event, and the callback's next state where it changes.

    `conflict`: the repeat says something else than what took effect. `contradicts`: a success came after
    a failure or the reverse; with money somebody has to look.
    """

    outcome: Outcome
    state: State | None = None
    conflict: bool = False
    contradicts: bool = False

    @property
    def takes_effect(self) -> bool:
        """Whether the event has to be brought to Restate."""
        return self.outcome is Outcome.PENDING


def dispose(standing: Standing, verdict: Verdict, earlier: Earlier | None, now: float) -> Disposal:
    """
    The disposal of one event for one callback; `now` is the delivery's receipt, in seconds.

    An effect is recorded as `pending` and becomes `completed` or `progress` once Restate has taken it.
    """
    if earlier is not None:
        return Disposal(Outcome.DUPLICATE, conflict=not (earlier.here and earlier.same))
    match standing.state:
        case State.REVOKED:
            return Disposal(Outcome.REVOKED)
        case State.CLOSED:
            return Disposal(Outcome.LATE)
        case State.EXPIRED:
            return Disposal(Outcome.EXPIRED)
        case State.OPEN if now > standing.expires_at:
            return Disposal(Outcome.EXPIRED, State.EXPIRED)
        case State.OPEN if verdict is Verdict.SUCCEEDED:
            return Disposal(Outcome.PENDING, State.COMPLETED)
        case State.OPEN if verdict is Verdict.FAILED:
            return Disposal(Outcome.PENDING, State.FAILED)
        case State.OPEN if standing.stream:
            return Disposal(Outcome.PENDING)
        case _ if verdict is Verdict.PROGRESS:
            return Disposal(Outcome.FILTERED)
    finished_well = standing.state is State.COMPLETED
    contradicts = finished_well != (verdict is Verdict.SUCCEEDED)
    return Disposal(Outcome.DUPLICATE, conflict=True, contradicts=contradicts)
