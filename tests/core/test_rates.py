"""A rate lets so many through, whenever they are asked for."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rates import Bucket, Buckets, Rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", Rate(10, 1)),
        ("100/m", Rate(100, 60)),
        (" 5000 / h ", Rate(5000, 3600)),
        ("1/h", Rate(1, 3600)),
    ],
)
def test_a_rate_is_a_number_and_a_unit(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


@given(st.text() | st.sampled_from(["0/m", "-1/s", "1/d", "1.5/m", "m", "/m", "10", "10/", "٣/m", "10/min"]))
def test_anything_else_is_answered_with_what_would_be_right(text: str) -> None:
    with suppress(ValueError):
        assert Rate.parse(text).count > 0
        return
    with pytest.raises(ValueError, match='"100/m"'):
        Rate.parse(text)


def test_as_many_at_once_as_the_rate_says_and_then_one_after_the_other() -> None:
    bucket = Bucket(Rate(3, 60))
    assert [bucket.take(1000.0) for _ in range(4)] == [0, 0, 0, 20]
    assert bucket.take(1010.0) == pytest.approx(10)
    assert bucket.take(1020.0) == 0
    assert bucket.take(1020.0) == pytest.approx(20)


def test_what_was_taken_in_vain_is_there_again() -> None:
    bucket = Bucket(Rate(1, 60))
    assert bucket.take(0.0) == 0
    bucket.give_back()
    assert bucket.take(0.0) == 0
    assert bucket.take(0.0) > 0


@given(st.lists(st.floats(0, 100), max_size=200))
def test_never_more_than_the_rate_and_one_full_bucket(moments: list[float]) -> None:
    bucket = Bucket(Rate(5, 1))
    taken = sum(bucket.take(moment) == 0 for moment in sorted(moments))
    assert taken <= 5 + 5 * (max(moments, default=0) - min(moments, default=0)) + 1e-6


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(Rate(1, 1))
    assert bucket.take(100.0) == 0
    assert bucket.take(0.0) > 0


def test_each_name_has_its_bucket_and_a_new_one_with_a_new_rate() -> None:
    buckets = Buckets()
    assert buckets.of("a", Rate(1, 60)).take(0.0) == 0
    assert buckets.of("a", Rate(1, 60)).take(0.0) > 0
    assert buckets.of("b", Rate(1, 60)).take(0.0) == 0
    assert buckets.of("a", Rate(2, 60)).take(0.0) == 0
