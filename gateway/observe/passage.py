"""
The passage of one request through the gateway: what it was, what became of it, and when each step ended.

It is filled in on the way and looked at once, at the end: the log line, the metrics and the spans are made of
it. It holds no token, body or header.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter_ns

from gateway.entropy import random_bytes
from gateway.ledger.records import Disposed
from gateway.observe.trace import Trace
from gateway.outcome import Outcome


class Step:
    """The names of the steps of a webhook's way: plain texts, for each delivery notes all of them."""

    TOKEN = "token"  # noqa: S105  # the name of a step
    BODY = "body"
    VERIFY = "verify"
    INTERPRET = "interpret"
    PROPOSE = "propose"
    DISPOSE = "dispose"
    COMPLETE = "complete"
    ANSWER = "answer"


#: In their order.
STEPS = (
    *(Step.TOKEN, Step.BODY, Step.VERIFY, Step.INTERPRET),
    *(Step.PROPOSE, Step.DISPOSE, Step.COMPLETE, Step.ANSWER),
)


@dataclass(slots=True)
class Passage:
    """
    One request. `began` and the ends of its steps are on `time.perf_counter_ns()`.

    `source` is "" until one that is configured is found. `disposed` and `outcomes` are its events, in their
    order; a delivery without events has `outcome` and `reason` instead. `refused` is the code of the error
    that it was answered with. `secret` is the place of the secret that verified it in the source's list.
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
    trace: Trace | None = None
    ends: list[tuple[str, int]] = field(default_factory=list)

    @classmethod
    def begin(cls) -> Passage:
        """A request that has just come in, with a random id of ours."""
        return cls(random_bytes(8).hex(), perf_counter_ns())

    def end(self, step: str) -> None:
        """A step has ended now."""
        self.ends.append((step, perf_counter_ns()))

    def stop(self) -> None:
        """The step that was under way has ended with a refusal."""
        last = STEPS.index(self.ends[-1][0]) + 1 if self.ends else 0
        self.end(STEPS[min(last, len(STEPS) - 1)])

    def steps(self) -> list[tuple[str, int, int]]:
        """The steps that it took, each with its beginning and its end."""
        found, began = [], self.began
        for step, ended in self.ends:
            found.append((step, began, ended))
            began = ended
        return found

    @property
    def ended(self) -> int:
        """When its last step ended."""
        return self.ends[-1][1] if self.ends else self.began
