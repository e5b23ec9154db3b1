"""
Whether somebody still waits: which callbacks Restate is to be asked about, and what its answer means.

Only awakeables: their invocation is known. An open callback whose invocation is over is an orphan; one that
an event completed after its invocation was over took no effect. `judge` decides, without I/O; what it finds
is written only where the callback has not changed since it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from gateway import targets
from gateway.errors import Invalid
from gateway.invocations import signal_index
from gateway.ledger.worker import Transaction
from gateway.outcome import State
from gateway.targets import Awakeable

#: An orphan is closed when it is still one so much later.
_SECOND_LOOK = 120.0
#: One that waits is looked at again after half its age: a callback of a month costs a dozen looks.
_SOONEST_LOOK, _LATEST_LOOK = 300.0, 6 * 3600.0
#: A missing effect is believed at the second look only, and looked for no longer than this.
_CONFIRMED, _GIVEN_UP = 4.0, 600.0
#: What two machines' clocks may differ by.
_SKEW = 30.0

TookEffect = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Watched:
    """
    A callback that Restate is to be asked about; times in seconds, `check_at` in milliseconds as stored.

    `accepted`: Restate has taken the event that completed it. `awakeable` is None for a target that can't
    be read.
    """

    id: str
    source: str
    awakeable: Awakeable | None
    state: State
    created_at: float
    state_at: float
    check_at: int
    orphaned: bool
    accepted: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """
    What Restate says of a callback's invocation.

    `known`: it has a row. `signals`: those in its journal, None where that is not kept. `trusted`: another
    invocation was seen alive in the same answer, so that a missing one is really not there.
    """

    known: bool
    over: bool = False
    paused: bool = False
    created_at: float = 0.0
    ended_at: float | None = None
    signals: AbstractSet[int] | None = None
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a callback now, and when to look again, in milliseconds; None for never."""

    watched: Watched
    check_at: int | None
    state: State
    orphaned: bool = False
    took_effect: TookEffect = "unknown"

    @property
    def closes(self) -> bool:
        """Whether an orphan is closed by it."""
        return self.state is not self.watched.state


def judge(watched: Watched, sight: Sight, now: float) -> Finding:
    """What an answer of Restate's means for a callback; `now` in seconds."""
    if watched.state is State.OPEN:
        return _judge_open(watched, sight, now)
    if watched.state not in (State.COMPLETED, State.FAILED):
        return Finding(watched, None, watched.state, watched.orphaned)
    age = now - watched.state_at
    effect = _effect(watched, sight) if watched.accepted else None
    if effect == "no" and age < _CONFIRMED:
        effect = None
    if effect is None and watched.accepted and age > _GIVEN_UP:
        effect = "unknown"
    if effect is None:
        return Finding(watched, _ms(now + max(age / 2, 2.0)), watched.state, watched.orphaned)
    return Finding(watched, None, watched.state, watched.orphaned, effect)


def _judge_open(watched: Watched, sight: Sight, now: float) -> Finding:
    if not sight.known and not sight.trusted:
        return Finding(watched, _ms(now + _SOONEST_LOOK), State.OPEN)
    # A workflow's key that is used again after a purge has the same ids: that run is another.
    another = sight.known and sight.created_at > watched.created_at + _SKEW
    if sight.known and not sight.over and not another:
        wait = min(max((now - watched.created_at) / 2, _SOONEST_LOOK), _LATEST_LOOK)
        return Finding(watched, _ms(now + wait), State.OPEN)
    if not watched.orphaned:
        return Finding(watched, _ms(now + _SECOND_LOOK), State.OPEN, orphaned=True)
    return Finding(watched, None, State.CLOSED, orphaned=True)


def _effect(watched: Watched, sight: Sight) -> TookEffect | None:
    """Whether the value came to an invocation that had not ended; None for not to be known yet."""
    if not sight.known:
        # It may have ended by this very value and not be kept: only an orphan is known to have ended before.
        return "no" if watched.orphaned else None
    if sight.created_at > watched.state_at + _SKEW:
        return "unknown"
    assert watched.awakeable is not None  # nobody is asked about another target
    if sight.signals is not None and signal_index(watched.awakeable) in sight.signals:
        return "yes"
    if not sight.over:
        return None
    if sight.signals is not None:
        return "no"
    ended_before = sight.ended_at is not None and sight.ended_at < watched.state_at - _SKEW
    return "no" if ended_before else "unknown"


def due(now: float, limit: int) -> Callable[[Transaction], list[Watched]]:
    """The query for up to `limit` callbacks that Restate is to be asked about by now."""

    def operation(tx: Transaction) -> list[Watched]:
        rows = tx.all(
            "SELECT c.id, c.source, c.target, c.state, c.created_at, c.state_at, c.check_at, c.orphaned, "
            "EXISTS (SELECT 1 FROM events e WHERE e.callback_id = c.id AND e.verdict != 'progress' "
            "AND e.outcome = 'completed') AS accepted FROM callbacks c "
            "WHERE c.check_at IS NOT NULL AND c.check_at <= :now ORDER BY c.check_at LIMIT :limit",
            {"now": _ms(now), "limit": limit},
        )
        return [
            Watched(
                id=row["id"],
                source=row["source"],
                awakeable=_awakeable(row["target"]),
                state=State(row["state"]),
                created_at=row["created_at"] / 1000,
                state_at=row["state_at"] / 1000,
                check_at=row["check_at"],
                orphaned=bool(row["orphaned"]),
                accepted=bool(row["accepted"]),
            )
            for row in rows
        ]

    return operation


def last_open(limit: int) -> Callable[[Transaction], list[Awakeable]]:
    """The query for open awakeables that expire last: most were issued a moment ago and are waited for."""

    def operation(tx: Transaction) -> list[Awakeable]:
        rows = tx.all(
            "SELECT target FROM callbacks WHERE check_at IS NOT NULL AND state = 'open' AND orphaned = false "
            "ORDER BY expires_at DESC LIMIT :limit",
            {"limit": limit},
        )
        return [found for row in rows if (found := _awakeable(row["target"])) is not None]

    return operation


def note(findings: Sequence[Finding], now: float) -> Callable[[Transaction], list[Finding]]:
    """
    The operation that writes findings; those that were written.

    A callback that has changed since it was read, by an event above all, is left as it is.
    """

    def operation(tx: Transaction) -> list[Finding]:
        return [
            found
            for found in findings
            if tx.run(
                "UPDATE callbacks SET state = :state, state_at = :state_at, took_effect = :took_effect, "
                "orphaned = :orphaned, check_at = :check_at "
                "WHERE id = :id AND state = :was AND check_at = :seen",
                {
                    "state": found.state,
                    "state_at": _ms(now if found.closes else found.watched.state_at),
                    "took_effect": found.took_effect,
                    "orphaned": found.orphaned,
                    "check_at": found.check_at,
                    "id": found.watched.id,
                    "was": found.watched.state,
                    "seen": found.watched.check_at,
                },
            )
        ]

    return operation


def _awakeable(text: str) -> Awakeable | None:
    try:
        target = targets.load(text)
    except Invalid:
        return None
    return target if isinstance(target, Awakeable) else None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
