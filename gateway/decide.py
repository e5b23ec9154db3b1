"""
What an event does to a callback, decided from what is known of both. No I/O, no clock.

The ledger asks this inside the transaction that claims the callback, so what is decided here is what
happens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.outcome import Outcome, State
from gateway.rules import Verdict


@dataclass(slots=True)
class Standing:
    """
    Where a callback stands when an event comes. `stream`: its target takes every event. `regains`: this
    very event finished the callback, Restate refused it for good, and now it is replayed. `gone`: its
    invocation was over before its value came.
    """

    state: State
    expires_at: int
    stream: bool
    regains: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """
    An effect that the same event had before. `here`: on the same callback. `same`: with the same content.
    """

    here: bool
    same: bool


@dataclass(slots=True)
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
    Where the waiting code is gone, all that changes nothing any more is `late`, whatever else it is.
    """
    disposal = _dispose(standing, verdict, earlier, now)
    if standing.gone and disposal.outcome in (Outcome.DUPLICATE, Outcome.FILTERED):
        return replace(disposal, outcome=Outcome.LATE)
    return disposal


def _dispose(standing: Standing, verdict: Verdict, earlier: Earlier | None, now: float) -> Disposal:
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
        # It came in time: that the callback has expired since does not count.
        case _ if standing.regains and verdict is Verdict.SUCCEEDED:
            return Disposal(Outcome.PENDING, State.COMPLETED)
        case _ if standing.regains and verdict is Verdict.FAILED:
            return Disposal(Outcome.PENDING, State.FAILED)
        case _ if verdict is Verdict.PROGRESS:
            return Disposal(Outcome.FILTERED)
    finished_well = standing.state is State.COMPLETED
    contradicts = finished_well != (verdict is Verdict.SUCCEEDED)
    return Disposal(Outcome.DUPLICATE, conflict=True, contradicts=contradicts)
