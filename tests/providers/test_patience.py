"""How long a provider waits and repeats: a vendor's own numbers, or none."""

from __future__ import annotations

from datetime import timedelta

from gateway.providers import CATALOGUE


def test_what_nobody_published_is_not_shown_as_a_vendor_s_number() -> None:
    paypal, persona = CATALOGUE["paypal"], CATALOGUE["persona"]
    assert (paypal.deadline, paypal.waits_for) == (None, timedelta(seconds=10))
    assert (persona.retries_for, persona.repeats_within) == (None, timedelta(days=3))
    assert CATALOGUE["adyen"].repeats_within == CATALOGUE["adyen"].retries_for == timedelta(days=30)


def test_what_is_not_repeated_by_itself_can_come_again_by_hand() -> None:
    never = [name for name, one in CATALOGUE.items() if one.retries_for == timedelta()]
    assert never == ["discord", "github", "woocommerce"]
    assert all(CATALOGUE[name].repeats_within == timedelta(days=3) for name in never)


def test_those_that_wait_three_seconds_or_less_are_known() -> None:
    short = {
        name: one.deadline.total_seconds()
        for name, one in CATALOGUE.items()
        if one.deadline is not None and one.deadline <= timedelta(seconds=3)
    }
    assert short == {
        "sentry": 1,
        "telnyx": 2,
        **dict.fromkeys(("slack", "zoom", "discord", "discord-events", "okta", "ms-graph"), 3),
    }
