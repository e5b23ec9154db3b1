"""Which event types succeed, which fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.rules import Rules, Verdict

#: succeed_on, fail_on, event type, what comes of it.
TABLE = [
    (("payment.succeeded",), (), "payment.succeeded", "succeeded"),
    (("payment.succeeded",), (), "payment.succeeded.again", "progress"),
    (("payment.succeeded",), (), "payment.succeede", "progress"),
    (("payment.succeeded",), (), "Payment.Succeeded", "progress"),
    (("payment.succeeded",), (), "", "progress"),
    (("payment.succeeded",), ("payment.failed",), "payment.failed", "failed"),
    (("payment.succeeded",), ("payment.failed",), "payment.pending", "progress"),
    (("payment.*",), (), "payment.anything", "succeeded"),
    (("payment.*",), (), "payment.", "succeeded"),
    (("payment.*",), (), "payment", "progress"),
    (("*",), (), "whatever", "succeeded"),
    (("*",), (), "", "succeeded"),
    ((), ("*",), "whatever", "failed"),
    ((), (), "whatever", "progress"),
    # An exact name wins over a pattern, however long.
    (("payment.failed",), ("payment.*",), "payment.failed", "succeeded"),
    (("payment.*",), ("payment.failed",), "payment.failed", "failed"),
    # A longer pattern wins over a shorter one.
    (("payment.retry.*",), ("payment.*",), "payment.retry.1", "succeeded"),
    (("payment.*",), ("payment.retry.*",), "payment.retry.1", "failed"),
    (("*",), ("payment.*",), "payment.x", "failed"),
    (("payment.*",), ("*",), "payment.x", "succeeded"),
    # Failure wins where both fit as closely.
    (("x",), ("x",), "x", "failed"),
    (("x*",), ("x*",), "xy", "failed"),
    (("*",), ("*",), "x", "failed"),
    # Nothing but the star at the end is special.
    (("a.b",), (), "axb", "progress"),
    (("a?*",), (), "ab", "progress"),
    (("a?*",), (), "a?b", "succeeded"),
    (("[ab]*",), (), "a", "progress"),
]


@pytest.mark.parametrize(("succeed_on", "fail_on", "event_type", "verdict"), TABLE)
def test_an_events_type_decides(
    succeed_on: tuple[str, ...], fail_on: tuple[str, ...], event_type: str, verdict: str
) -> None:
    assert Rules(succeed_on, fail_on).judge(event_type) == verdict


@pytest.mark.parametrize("pattern", ["", "**", "a*b", "*a", "a**", "*."])
@pytest.mark.parametrize("name", ["succeed_on", "fail_on"])
def test_a_pattern_that_means_nothing_is_refused_with_what_would(name: str, pattern: str) -> None:
    with pytest.raises(Invalid, match=f'^{name}: .* is no event type; a name, or a beginning and "\\*"'):
        Rules(**{"succeed_on": ("ok",), name: (pattern,)})


_TYPES = st.text("ab.", max_size=4)
_PATTERNS = st.lists(st.builds("{}{}".format, _TYPES, st.sampled_from(["", "*"])).filter(bool), max_size=4)


@given(_PATTERNS, _PATTERNS, _TYPES)
def test_the_closest_rule_wins_and_failure_wins_a_draw(
    succeed_on: list[str], fail_on: list[str], event_type: str
) -> None:
    def closest(patterns: list[str]) -> tuple[bool, int]:
        """Judged another way: an exact name above all, then the longest fitting beginning."""
        fitting = [len(p) for p in patterns if p.endswith("*") and event_type.startswith(p[:-1])]
        return event_type in patterns, max(fitting, default=0)

    success, failure = closest(succeed_on), closest(fail_on)
    expected = Verdict.PROGRESS
    if failure != (False, 0) or success != (False, 0):
        if failure[0] or success[0]:
            expected = Verdict.FAILED if failure[0] else Verdict.SUCCEEDED
        else:
            expected = Verdict.FAILED if failure[1] >= success[1] else Verdict.SUCCEEDED
    assert Rules(tuple(succeed_on), tuple(fail_on)).judge(event_type) is expected
