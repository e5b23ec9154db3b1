"""Which event types succeed, which fail; everything else is filtered."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    #: What exact names say, and the beginnings of patterns, the longest first.
    _names: dict[str, Verdict] = field(init=False, repr=False, compare=False)
    _beginnings: tuple[tuple[str, Verdict], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, patterns in (("succeed_on", self.succeed_on), ("fail_on", self.fail_on)):
            for pattern in patterns:
                if not pattern or "*" in pattern[:-1]:
                    raise Invalid(
                        f'{name}: "{pattern}" is no event type; a name, or a beginning and "*" at its end'
                    )

        names: dict[str, Verdict] = {}
        beginnings: dict[str, Verdict] = {}
        # Failures last: they win where both are named.
        for patterns, verdict in ((self.succeed_on, Verdict.SUCCEEDED), (self.fail_on, Verdict.FAILED)):
            for pattern in patterns:
                if pattern.endswith("*"):
                    beginnings[pattern[:-1]] = verdict
                else:
                    names[pattern] = verdict
        object.__setattr__(self, "_names", names)
        longest_first = sorted(beginnings.items(), key=lambda item: -len(item[0]))
        object.__setattr__(self, "_beginnings", tuple(longest_first))

    def judge(self, event_type: str) -> Verdict:
        """What an event of this type does; `PROGRESS` for one that no rule names."""
        if (verdict := self._names.get(event_type)) is not None:
            return verdict
        for beginning, verdict in self._beginnings:
            if event_type.startswith(beginning):
                return verdict
        return Verdict.PROGRESS
