"""What Restate's answers mean for a callback, as a table, without Restate."""

from __future__ import annotations

import pytest

from gateway.ledger.waiting import Finding, Sight, TookEffect, Watched, judge
from gateway.outcome import State
from gateway.targets import Awakeable
from tests.core.samples import awakeable_id

NOW = 1_795_000_000.0
#: The signal of `awakeable_id`.
SIGNAL = 17


def watched(state: State = State.OPEN, *, age: float = 600.0, **changes: object) -> Watched:
    """A callback issued `age` seconds ago, or completed ten seconds ago."""
    values = {
        "id": "cb_1",
        "source": "acmepay",
        "awakeable": Awakeable(awakeable_id(SIGNAL)),
        "state": state,
        "created_at": NOW - age,
        "state_at": NOW - (age if state is State.OPEN else 10.0),
        "check_at": 1,
        "orphaned": False,
        "accepted": state is not State.OPEN,
    }
    return Watched(**{**values, **changes})  # type: ignore[arg-type]  # the fields' own types


ALIVE = Sight(known=True, created_at=NOW - 700)
OVER = Sight(known=True, over=True, created_at=NOW - 700, ended_at=NOW - 650)
AGAIN = Sight(known=True, created_at=NOW - 100)
MISSING = Sight(known=False)
REALLY_MISSING = Sight(known=False, trusted=True)


@pytest.mark.parametrize("sight", [OVER, AGAIN, REALLY_MISSING])
def test_an_orphan_is_closed_at_the_second_look_only(sight: Sight) -> None:
    first = judge(watched(), sight, NOW)
    assert (first.state, first.orphaned, first.check_at) == (State.OPEN, True, (NOW + 120) * 1000)
    second = judge(watched(orphaned=True), sight, NOW)
    assert second == Finding(watched(orphaned=True), None, State.CLOSED, orphaned=True)
    assert second.closes


@pytest.mark.parametrize("sight", [ALIVE, MISSING])
@pytest.mark.parametrize("orphaned", [False, True])
def test_one_that_waits_or_that_is_not_known_is_no_orphan(sight: Sight, orphaned: bool) -> None:
    found = judge(watched(orphaned=orphaned), sight, NOW)
    assert (found.state, found.orphaned, found.closes) == (State.OPEN, False, False)


@pytest.mark.parametrize(("age", "wait"), [(300, 300), (3600, 1800), (86_400 * 20, 6 * 3600)])
def test_one_that_waits_long_is_looked_at_less_often(age: float, wait: float) -> None:
    assert (
        judge(watched(age=age), Sight(known=True, created_at=NOW - age), NOW).check_at == (NOW + wait) * 1000
    )


HAD = frozenset({SIGNAL})
HAD_NOT = frozenset({1, 18})


@pytest.mark.parametrize(
    ("sight", "effect"),
    [
        (Sight(known=True, signals=HAD), "yes"),
        (Sight(known=True, paused=True, signals=HAD), "yes"),
        (Sight(known=True, over=True, signals=HAD), "yes"),
        (Sight(known=True, over=True, signals=HAD_NOT), "no"),
        # Its journal is not kept: it ended long before, or perhaps by this very value.
        (Sight(known=True, over=True, ended_at=NOW - 100), "no"),
        (Sight(known=True, over=True, ended_at=NOW - 9), "unknown"),
        (Sight(known=True, over=True, ended_at=NOW - 20), "unknown"),
        # Another run of the same workflow.
        (Sight(known=True, created_at=NOW + 60, signals=HAD), "unknown"),
    ],
)
@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED])
def test_whether_a_value_took_effect(sight: Sight, effect: TookEffect, state: State) -> None:
    assert judge(watched(state), sight, NOW) == Finding(watched(state), None, state, took_effect=effect)


@pytest.mark.parametrize(
    "sight", [Sight(known=True, signals=HAD_NOT), Sight(known=True), MISSING, REALLY_MISSING]
)
def test_what_is_not_known_yet_is_looked_for_again_and_given_up_after_ten_minutes(sight: Sight) -> None:
    found = judge(watched(State.COMPLETED), sight, NOW)
    assert (found.took_effect, found.check_at) == ("unknown", (NOW + 5) * 1000)
    found = judge(watched(State.COMPLETED, state_at=NOW - 601), sight, NOW)
    assert (found.took_effect, found.check_at) == ("unknown", None)


def test_a_missing_effect_is_believed_at_the_second_look_only() -> None:
    sight = Sight(known=True, over=True, signals=HAD_NOT)
    found = judge(watched(State.COMPLETED, state_at=NOW - 2), sight, NOW)
    assert (found.took_effect, found.check_at) == ("unknown", (NOW + 2) * 1000)


def test_an_orphan_s_value_took_no_effect() -> None:
    one = watched(State.COMPLETED, orphaned=True)
    assert judge(one, MISSING, NOW) == Finding(one, None, State.COMPLETED, True, "no")


@pytest.mark.parametrize("sight", [OVER, ALIVE, MISSING])
def test_nothing_is_said_of_a_value_that_restate_has_not_accepted(sight: Sight) -> None:
    found = judge(watched(State.COMPLETED, state_at=NOW - 86_400, accepted=False), sight, NOW)
    assert (found.took_effect, found.check_at) == ("unknown", (NOW + 43_200) * 1000)


@pytest.mark.parametrize("state", [State.CLOSED, State.REVOKED, State.EXPIRED])
@pytest.mark.parametrize("orphaned", [False, True])
def test_one_that_ended_otherwise_is_not_looked_at_again(state: State, orphaned: bool) -> None:
    one = watched(state, accepted=False, orphaned=orphaned)
    assert judge(one, MISSING, NOW) == Finding(one, None, state, orphaned)
