"""
Judging a history: `python -m tests.chaos.checker HISTORY`; exit code 1 where anything is wrong.

Acknowledged is an event with a 2xx to one of its genuine deliveries. It has to have taken effect, once,
a stream's events in their order; nothing else may have.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.history import Answer, Effects, Expected, Fault, History

#: Twice what is promised: a run keeps every core busy, and its own clock is late as well. The promise itself,
#: 2.5 s, is tested where a delivery is not in a crowd.
SLOWEST = 5.0
#: The fault that makes a gateway stand still, SIGSTOP: nothing that it promises can hold meanwhile.
STALL = "gateway stopped"
#: What a genuine delivery in time may be answered; 0 is no answer, from a gateway that was killed.
_EXPECTED_STATUSES = frozenset({0, 200, 202, 503})


@dataclass(frozen=True, slots=True)
class Report:
    """
    What a history amounts to; the lists hold `wait event` of what is wrong.

    `unacknowledged` were refused to the end. `refused` and `broken` were answered what a genuine delivery
    must not be answered, 4xx and 5xx. `disordered` are waits whose stream was not in order, `claimed_twice`
    waits of one event that were completed by two deliveries.
    """

    acknowledged: int
    effects: int
    slowest: float
    faults: dict[str, int]
    lost: list[str]
    doubled: list[str]
    disordered: list[str]
    forged: list[str]
    unacknowledged: list[str]
    refused: list[str]
    broken: list[str]
    slow: list[str]
    claimed_twice: list[str]

    @property
    def wrong(self) -> dict[str, list[str]]:
        """Every kind of wrong that there is something of."""
        kinds = (
            *("lost", "doubled", "disordered", "forged", "unacknowledged", "refused", "broken", "slow"),
            "claimed_twice",
        )
        return {kind: getattr(self, kind) for kind in kinds if getattr(self, kind)}

    def __str__(self) -> str:
        lines = [
            f"acknowledged events  {self.acknowledged}",
            f"effects              {self.effects}",
            f"lost                 {len(self.lost)}",
            f"doubled              {len(self.doubled)}",
            f"slowest answer       {self.slowest:.2f} s",
            f"faults               {sum(self.faults.values())}",
            *(f"  {kind:<18} {count}" for kind, count in sorted(self.faults.items())),
        ]
        for kind, found in self.wrong.items():
            lines.append(f"WRONG {kind}: {len(found)}, the first of them {', '.join(found[:5])}")
        return "\n".join(lines)


def check(history: History) -> Report:
    """The report on a history."""
    records = history.records
    expected = {record.wait: record for record in records if isinstance(record, Expected)}
    answers = [record for record in records if isinstance(record, Answer)]
    effects = {record.wait: record.events for record in records if isinstance(record, Effects)}
    genuine = [answer for answer in answers if answer.genuine]
    acknowledged = {(answer.wait, answer.event) for answer in genuine if 200 <= answer.status < 300}
    due = {(wait, event) for wait, one in expected.items() for event in one.events}
    stalls = [record.at for record in records if isinstance(record, Fault) and record.kind == STALL]
    took = Counter((wait, event) for wait, events in effects.items() for event in events)
    return Report(
        acknowledged=len(acknowledged & due),
        effects=sum(took.values()),
        slowest=max((answer.seconds for answer in genuine if answer.status), default=0.0),
        faults=dict(Counter(record.kind for record in records if isinstance(record, Fault))),
        lost=_named((acknowledged & due) - took.keys()),
        doubled=_named(pair for pair, count in took.items() if count > 1),
        disordered=sorted(
            wait for wait, one in expected.items() if _disordered(one.events, effects.get(wait, ()))
        ),
        forged=_named(took.keys() - due)
        + _named((a.wait, a.event) for a in answers if not a.genuine and 200 <= a.status < 300),
        unacknowledged=_named(due - acknowledged),
        refused=_named((a.wait, a.event) for a in genuine if 300 <= a.status < 500),
        broken=_named(
            (a.wait, a.event) for a in genuine if a.status >= 500 and a.status not in _EXPECTED_STATUSES
        ),
        slow=_named((a.wait, a.event) for a in genuine if _slow(a, stalls)),
        claimed_twice=_claimed_twice(expected, genuine),
    )


def _slow(answer: Answer, stalls: list[float]) -> bool:
    """Whether it took too long, a process that stood still meanwhile apart: the provider repeats those."""
    if not answer.status or answer.seconds <= SLOWEST:
        return False
    begun = answer.at - answer.seconds
    return not any(begun - answer.seconds < stall < answer.at for stall in stalls)


def _disordered(sent: tuple[str, ...], took: tuple[str, ...]) -> bool:
    places = [sent.index(event) for event in dict.fromkeys(took) if event in sent]
    return places != sorted(places)


def _claimed_twice(expected: dict[str, Expected], answers: list[Answer]) -> list[str]:
    completions: defaultdict[str, int] = defaultdict(int)
    for answer in answers:
        one = expected.get(answer.wait)
        if one is not None and one.kind == "one" and answer.outcome == "completed":
            completions[answer.wait] += 1
    return sorted(wait for wait, count in completions.items() if count > 1)


def _named(pairs: object) -> list[str]:
    assert hasattr(pairs, "__iter__")
    return sorted(f"{wait} {event}" for wait, event in pairs)


def main() -> int:
    """Check the history in a file."""
    with Path(sys.argv[1]).open() as lines:
        report = check(History.read(lines))
    print(report)
    return int(bool(report.wrong))


if __name__ == "__main__":
    sys.exit(main())
