"""What an event does to a callback: the whole truth table, which stands in `decide.txt`."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from gateway.decide import Disposal, Earlier, Standing, dispose
from gateway.outcome import Outcome, State
from gateway.rules import Verdict

_EXPIRY = 1_000
#: The receipt, in seconds, for each standing that depends on it.
_RECEIPT = {"open-before": 999.5, "open-at": 1_000.0, "open-after": 1_000.001}
_EARLIER = {
    "none": None,
    "here-same": Earlier(here=True, same=True),
    "here-other": Earlier(here=True, same=False),
    "elsewhere-same": Earlier(here=False, same=True),
    "elsewhere-other": Earlier(here=False, same=False),
}
_COLUMNS = [(stream, verdict) for stream in (False, True) for verdict in Verdict]
_STANDINGS = [*_RECEIPT, "completed", "failed", "closed", "revoked", "expired"]


def _cells() -> dict[tuple[str, str, bool, Verdict], str]:
    lines = (Path(__file__).parent / "decide.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    cells = {
        (earlier, standing, stream, verdict): cell
        for earlier, standing, *texts in rows
        for (stream, verdict), cell in zip(_COLUMNS, texts, strict=True)
    }
    assert len(cells) == len(rows) * len(_COLUMNS)
    return cells


CELLS = _cells()


def test_the_table_leaves_nothing_out() -> None:
    assert set(CELLS) == {
        (earlier, standing, stream, verdict)
        for earlier, standing, (stream, verdict) in product(_EARLIER, _STANDINGS, _COLUMNS)
    }
    assert {State(standing.partition("-")[0]) for standing in _STANDINGS} == set(State)


@pytest.mark.parametrize(("case", "cell"), CELLS.items(), ids=lambda value: str(value))
def test_an_event_is_disposed_of_as_the_table_says(case: tuple[str, str, bool, Verdict], cell: str) -> None:
    earlier, standing, stream, verdict = case
    outcome, _, state = cell.rstrip("!").partition(">")
    expected = Disposal(
        Outcome(outcome),
        State(state) if state else None,
        conflict=cell.endswith("!"),
        contradicts=cell.endswith("!!"),
    )
    found = dispose(
        Standing(State(standing.partition("-")[0]), _EXPIRY, stream),
        verdict,
        _EARLIER[earlier],
        # A state that is not open stays what it is, before and after the expiry.
        _RECEIPT.get(standing, 999.5),
    )
    assert found == expected
    assert found.takes_effect == (outcome == "pending")


@pytest.mark.parametrize("standing", [name for name in _STANDINGS if not name.startswith("open")])
@pytest.mark.parametrize(("stream", "verdict"), _COLUMNS)
def test_only_an_open_callback_looks_at_the_time(standing: str, stream: bool, verdict: Verdict) -> None:
    at = Standing(State(standing), _EXPIRY, stream)
    assert dispose(at, verdict, None, 0.0) == dispose(at, verdict, None, 1e12)
