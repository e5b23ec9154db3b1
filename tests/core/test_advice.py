"""What is said of secrets: which may go, and never one that something may still come for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.advice import QUIET, Advice, Use, advise

HOUR, DAY = 3600.0, 86400.0
NOW = 1_800_000_000.0
REPEATS = 3 * DAY


def before(since: float, first: float | None = None, last: float | None = None) -> Use:
    """A use as so many seconds before now."""
    return Use(NOW - since, None if first is None else NOW - first, None if last is None else NOW - last)


def said(*uses: Use) -> list[Advice]:
    """The advice now."""
    return advise(uses, REPEATS, NOW)


def test_a_secret_that_was_never_used_is_asked_about() -> None:
    (only,) = said(before(3 * DAY))
    assert only == Advice("never used since it came 3 days ago: is it the right one?")


def test_the_only_secret_is_never_safe_to_remove() -> None:
    (only,) = said(before(300 * DAY, 299 * DAY, 200 * DAY))
    assert only == Advice("last used 200 days ago")


def test_the_old_secret_is_kept_while_it_is_used() -> None:
    new, old = said(before(2 * DAY, DAY, 60), before(90 * DAY, 90 * DAY, 240))
    assert new == Advice("last used 1 minute ago")
    assert old == Advice("still in use 4 minutes ago: keep it")


def test_the_old_secret_is_kept_as_long_as_its_provider_repeats() -> None:
    _, old = said(before(3 * DAY, 2 * DAY, 60), before(90 * DAY, 90 * DAY, 2 * DAY))
    assert old == Advice(
        "last used 2 days ago, another one since; what was sent before may be repeated until "
        "2027-01-16 08:00 UTC: keep it"
    )


def test_then_it_is_safe_to_remove() -> None:
    new, old = said(before(5 * DAY, 4 * DAY, 60), before(90 * DAY, 90 * DAY, 4 * DAY))
    assert not new.safe
    assert old == Advice("last used 4 days ago, another one since: safe to remove", safe=True)


def test_quiet_alone_proves_nothing() -> None:
    # Nothing has come at all: the provider may still sign with either.
    new, old = said(before(9 * DAY), before(90 * DAY, 90 * DAY, 9 * DAY))
    assert new.text.startswith("never used since it came 9 days ago")
    assert not old.safe


def test_the_repeats_count_from_when_the_other_one_was_first_used() -> None:
    # Quiet for a month, and then the first delivery with the new one an hour ago.
    _, old = said(before(40 * DAY, HOUR, 60), before(90 * DAY, 90 * DAY, 30 * DAY))
    assert not old.safe
    assert "may be repeated until" in old.text


def test_what_was_used_beside_the_other_for_long_may_have_a_sender_of_its_own() -> None:
    _, second = said(before(90 * DAY, 89 * DAY, 60), before(90 * DAY, 88 * DAY, 10 * DAY))
    assert second == Advice(
        "last used 10 days ago, another one beside it and since: does a second endpoint sign with it?"
    )
    # A change that took its time is none of that.
    _, old = said(before(13 * DAY, 12 * DAY, 60), before(90 * DAY, 88 * DAY, 10 * DAY))
    assert old.safe


uses = st.builds(
    lambda since, first, last: before(since, *sorted((min(first, since), min(last, since)), reverse=True)),
    *[st.floats(0, 400 * DAY)] * 3,
)


@given(st.lists(uses | st.builds(before, st.floats(0, 400 * DAY)), max_size=5), st.floats(0, 40 * DAY))
def test_what_is_safe_to_remove_was_quiet_for_long_enough_and_something_else_is_used(
    histories: list[Use], repeats: float
) -> None:
    advice = advise(histories, repeats, NOW)
    assert len(advice) == len(histories)
    for use, one in zip(histories, advice, strict=True):
        if one.safe:
            assert use.last is not None
            assert NOW - use.last >= max(repeats, QUIET)
            assert any(other.last is not None and other.last > use.last for other in histories)
    assert not histories or not all(one.safe for one in advice)
