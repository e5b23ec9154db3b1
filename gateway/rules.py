"""Which event types succeed, which fail; everything else is filtered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from gateway.errors import Invalid

OnFailure = Literal["reject", "resolve"]


class Verdict(StrEnum):
    """What the rules say of an event's type. The values are those of the envelope's `outcome`."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Event types that succeed and that fail: exact names, or a beginning followed by `*`.

    An exact name wins over a pattern, a longer pattern over a shorter one, and failure over success
    where both are equally long.
    """

    succeed_on: tuple[str, ...]
    fail_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, patterns in (("succeed_on", self.succeed_on), ("fail_on", self.fail_on)):
            for pattern in patterns:
                if not pattern or "*" in pattern[:-1]:
                    raise Invalid(
                        f'{name}: "{pattern}" is no event type; a name, or a beginning and "*" at its end'
                    )

    def judge(self, event_type: str) -> Verdict:
        """What an event of this type does; `PROGRESS` for one that no rule names."""
        fails = max((_weight(p, event_type) for p in self.fail_on), default=-1)
        succeeds = max((_weight(p, event_type) for p in self.succeed_on), default=-1)
        if fails < 0 and succeeds < 0:
            return Verdict.PROGRESS
        return Verdict.FAILED if fails >= succeeds else Verdict.SUCCEEDED


def _weight(pattern: str, event_type: str) -> int:
    """How closely a pattern fits: -1 not at all, the length of what fits, more than any for a name."""
    if pattern.endswith("*"):
        return len(pattern) - 1 if event_type.startswith(pattern[:-1]) else -1
    return 1 << 20 if pattern == event_type else -1
