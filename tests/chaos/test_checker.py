"""The checker is itself checked: with good histories, and with losses and doubles planted in them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stack.part import ROOT
from tests.chaos.checker import check
from tests.chaos.history import Answer, Effects, Expected, Fault, History, Record

ONE = Expected("w1", "one", ("e1",), 0.1)
STREAM = Expected("w2", "stream", ("s1", "s2", "s3"), 0.2)


def ok(wait: str, event: str, status: int = 200, outcome: str = "completed") -> Answer:
    return Answer(wait, event, status, outcome, 0.01, 1.0)


GOOD: list[Record] = [
    ONE,
    STREAM,
    Fault("gateway killed", 0.5),
    ok("w1", "e1", 0, ""),
    ok("w1", "e1"),
    ok("w1", "e1", 200, "duplicate"),
    *(ok("w2", event, 202, "pending") for event in STREAM.events),
    replace(ok("w1", "forged", 401, ""), genuine=False),
    Effects("w1", ("e1",)),
    Effects("w2", STREAM.events),
]


def test_a_good_history_is_good() -> None:
    report = check(History(GOOD))
    assert report.wrong == {}
    assert (report.acknowledged, report.effects, report.slowest) == (4, 4, 0.01)
    assert report.faults == {"gateway killed": 1}


@pytest.mark.parametrize(
    ("kind", "found", "change"),
    [
        ("lost", ["w1 e1"], {"-": Effects("w1", ("e1",))}),
        ("lost", ["w2 s2"], {"-": Effects("w2", STREAM.events), "+": Effects("w2", ("s1", "s3"))}),
        ("doubled", ["w1 e1"], {"-": Effects("w1", ("e1",)), "+": Effects("w1", ("e1", "e1"))}),
        ("disordered", ["w2"], {"-": Effects("w2", STREAM.events), "+": Effects("w2", ("s2", "s1", "s3"))}),
        ("forged", ["w1 other"], {"-": Effects("w1", ("e1",)), "+": Effects("w1", ("e1", "other"))}),
        ("forged", ["w1 forged"], {"+": replace(ok("w1", "forged"), genuine=False)}),
        ("unacknowledged", ["w1 late"], {"-": ONE, "+": replace(ONE, events=("e1", "late"))}),
        ("refused", ["w1 e1"], {"+": ok("w1", "e1", 404, "")}),
        ("broken", ["w1 e1"], {"+": ok("w1", "e1", 500, "")}),
        ("slow", ["w1 e1"], {"+": replace(ok("w1", "e1", 202, "pending"), seconds=5.5)}),
        ("claimed_twice", ["w1"], {"+": ok("w1", "e1")}),
    ],
)
def test_what_is_wrong_is_found(kind: str, found: list[str], change: dict[str, Record]) -> None:
    records = [record for record in GOOD if record != change.get("-")]
    records += [change["+"]] if "+" in change else []
    assert check(History(records)).wrong == {kind: found}


def test_an_answer_may_be_slow_while_the_gateway_stands_still() -> None:
    late = replace(ok("w1", "e1", 202, "pending"), seconds=5.5, at=9.0)
    assert check(History([*GOOD, Fault("gateway stopped", 4.0), late])).wrong == {}
    assert check(History([*GOOD, Fault("gateway stopped", -9.0), late])).wrong == {"slow": ["w1 e1"]}


def test_a_history_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    History(GOOD).write(file)
    assert History.read(file.read_text().splitlines()).records == GOOD


@pytest.mark.parametrize(("records", "code"), [(GOOD, 0), (GOOD[:-1], 1)])
def test_the_command_says_it_with_its_exit_code(tmp_path: Path, records: list[Record], code: int) -> None:
    file = tmp_path / "history.jsonl"
    History(records).write(file)
    checked = subprocess.run(
        [sys.executable, "-m", "tests.chaos.checker", str(file)], cwd=ROOT, capture_output=True, text=True
    )
    assert checked.returncode == code, checked.stderr
    assert "acknowledged events  4" in checked.stdout
    assert ("WRONG lost: 3, the first of them w2 s1" in checked.stdout) == bool(code)
