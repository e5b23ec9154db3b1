"""
The passage of one request through the gateway: what it was, what became of it, and when each step ended.

It is filled in on the way and looked at once, at the end: the log line, the metrics and the spans are made of
it. It holds no token, body or header.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter_ns

from gateway.ledger.records import Disposed
from gateway.observe.trace import Trace
from gateway.outcome import Outcome


class Step(StrEnum):
    """The steps of a webhook's way, in their order."""

    TOKEN = "token"  # noqa: S105  # the name of a step
    BODY = "body"
    VERIFY = "verify"
    INTERPRET = "interpret"
    PROPOSE = "propose"
    DISPOSE = "dispose"
    COMPLETE = "complete"
    ANSWER = "answer"


_ORDER = tuple(Step)


@dataclass(slots=True)
class Passage:
    """
    One request. `began` and the ends of its steps are on `time.perf_counter_ns()`.

    `source` is "" until one that is configured is found. `disposed` and `outcomes` are its events, in their
    order; a delivery without events has `outcome` and `reason` instead. `refused` is the code of the error
    that it was answered with. `secret` is the place of the secret that verified it in the source's list.
    `given_up`: whoever asked is gone, and its work goes on.
    """

    request_id: str
    began: int
    source: str = ""
    delivery_id: str = ""
    callback_id: str | None = None
    key_id: str = ""
    secret: int | None = None
    disposed: list[Disposed] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    outcome: Outcome | None = None
    reason: str = ""
    refused: str = ""
    status: int = 0
    replay_of: str | None = None
    given_up: bool = False
    trace: Trace | None = None
    ends: list[tuple[Step, int]] = field(default_factory=list)

    @classmethod
    def begin(cls) -> Passage:
        """A request that has just come in, with a random id of ours."""
        return cls(os.urandom(8).hex(), perf_counter_ns())

    def end(self, step: Step) -> None:
        """A step has ended now."""
        self.ends.append((step, perf_counter_ns()))

    def stop(self) -> None:
        """The step that was under way has ended with a refusal."""
        last = _ORDER.index(self.ends[-1][0]) + 1 if self.ends else 0
        self.end(_ORDER[min(last, len(_ORDER) - 1)])

    def steps(self) -> Iterator[tuple[Step, int, int]]:
        """The steps that it took, each with its beginning and its end."""
        began = self.began
        for step, ended in self.ends:
            yield step, began, ended
            began = ended

    @property
    def ended(self) -> int:
        """When its last step ended."""
        return self.ends[-1][1] if self.ends else self.began
