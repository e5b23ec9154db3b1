"""Fail points are refused where they are wrong, shouted about where they are set, and free where not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import failpoints
from gateway.errors import ConfigurationError
from gateway.failpoints import NAMES, VARIABLE, InjectedError, arm, reach, reach_in_thread
from stack.errors import StackError
from tests.gateway.process import RunningGateway


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm({})


@pytest.mark.parametrize(
    "text",
    [
        *("after-verify", "after-verify:explode", "after-verify:delay", "after-verify:delay:soon"),
        *(
            "after-verify:kill:0",
            "after-verify:kill:x",
            "after-verify:kill:1:2",
            ":kill",
            "AFTER-VERIFY:kill",
        ),
        *("after-verify:delay:-1", "after-verify: kill"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_form_that_is_needed(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"NAME:kill, NAME:delay:SECONDS or NAME:error is needed"):
        arm({VARIABLE: text})


def test_an_unknown_point_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no fail point 'after-lunch'; there are after-token, "):
        arm({VARIABLE: "after-verify:kill,after-lunch:kill"})


@pytest.mark.parametrize("name", NAMES)
async def test_a_point_acts_when_it_is_reached_and_no_other_does(name: str) -> None:
    arm({VARIABLE: f"{name}:error"})
    for other in NAMES:
        if other != name:
            await reach(other)
            reach_in_thread(other)
    with pytest.raises(InjectedError, match=name):
        await reach(name)
    with pytest.raises(InjectedError, match=name):
        reach_in_thread(name)


async def test_a_number_means_that_time_only() -> None:
    arm({VARIABLE: "after-body:error:2, after-token:delay:0.05:1"})
    await reach("after-body")
    with pytest.raises(InjectedError):
        await reach("after-body")
    await reach("after-body")
    begun = time.monotonic()
    await reach("after-token")
    assert 0.05 <= time.monotonic() - begun < 1
    begun = time.monotonic()
    await reach("after-token")
    assert time.monotonic() - begun < 0.04


def test_of_many_threads_exactly_one_is_the_third() -> None:
    arm({VARIABLE: "before-commit:error:3"})
    raised: list[str] = []

    def run() -> None:
        try:
            reach_in_thread("before-commit")
        except InjectedError as error:
            raised.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == ["before-commit"]


async def test_without_the_variable_a_point_costs_nothing_to_speak_of() -> None:
    arm({})
    assert not failpoints.armed()
    rounds = 100_000
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(rounds):
            await reach("after-verify")
        best = min(best, (time.perf_counter() - begun) / rounds)
    print(f"a point that is not set costs {best * 1e9:.0f} ns")
    # A delivery passes nine of them and takes 300 µs of CPU.
    assert best < 2e-6


def test_a_gateway_with_an_unknown_point_does_not_start(tmp_path: Path) -> None:
    gateway = RunningGateway(tmp_path, ["http://127.0.0.1:1"], environment={VARIABLE: "after-lunch:kill"})
    try:
        with pytest.raises(StackError, match="ended while it was starting"):
            gateway.start()
        assert f"gateway: {VARIABLE}: there is no fail point 'after-lunch'" in gateway.log
        assert "Traceback" not in gateway.log
    finally:
        gateway.stop()


def test_a_gateway_says_loudly_that_it_will_fail(tmp_path: Path) -> None:
    environment = {VARIABLE: "after-answer:kill:1000000"}
    gateway = RunningGateway(tmp_path, ["http://127.0.0.1:1"], environment=environment)
    try:
        gateway.start()
        (line,) = [line for line in gateway.log.splitlines() if "FAIL POINTS ARE SET" in line]
        assert '"level":"warning"' in line
        assert environment[VARIABLE] in line
    finally:
        gateway.stop()
