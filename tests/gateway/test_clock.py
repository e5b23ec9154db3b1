"""A clock that differs from Restate's is told of: signed times are judged by it."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.gateway.ingress import FakeIngress, Reaction
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import event


def _said_after(gateway: RunningGateway, ingress: FakeIngress, date: str) -> tuple[Any, str]:
    """What is said of clocks, and the metric's line, once Restate has answered with a date."""
    ingress.react = lambda call: Reaction(headers=(("date", date),))
    assert gateway.send(gateway.issue().path, event()).status_code == 200
    lines = gateway.anonymous.get("/metrics").text.splitlines()
    skew = [line for line in lines if line.startswith("gateway_clock_skew_seconds ")]
    ready = gateway.anonymous.get("/readyz")
    assert ready.status_code == 200
    return [reason for reason in ready.json()["reasons"] if "clock" in reason], (skew or [""])[0]


@pytest.mark.parametrize(("ahead", "words"), [(600, "behind Restate's"), (-600, "ahead of Restate's")])
def test_ten_minutes_are_an_alarm(
    own_gateway: RunningGateway, own_ingress: FakeIngress, ahead: int, words: str
) -> None:
    (reason,), metric = _said_after(own_gateway, own_ingress, formatdate(time.time() + ahead, usegmt=True))
    assert words in reason
    # A date has no fractions of a second.
    assert float(metric.split()[1]) == pytest.approx(-ahead, abs=2)


def test_a_few_seconds_are_none_and_a_date_that_is_none_says_nothing(
    own_gateway: RunningGateway, own_ingress: FakeIngress
) -> None:
    reasons, metric = _said_after(own_gateway, own_ingress, formatdate(time.time() + 5, usegmt=True))
    assert reasons == []
    assert float(metric.split()[1]) == pytest.approx(-5, abs=2)
    assert _said_after(own_gateway, own_ingress, "yesterday") == ([], "")
