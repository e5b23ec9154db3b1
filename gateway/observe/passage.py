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
    One request. `began`, `ended` and the times of its `steps`, each with its beginning and its end, are on
    `time.perf_counter_ns()`; a step begins where the one before it ends.

    `source` is "" until one that is configured is found. `disposed` and `outcomes` are its events, in their
    order; a delivery without events has `outcome` and `reason` instead. `refused` is the code of the error
    that it was answered with. `secret` is the place of the secret that verified it in the source's list.
    """

    request_id: str
    began: int
    ended: int
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
    steps: list[tuple[str, int, int]] = field(default_factory=list)

    @classmethod
    def begin(cls) -> Passage:
        """A request that has just come in, with a random id of ours."""
        now = perf_counter_ns()
        return cls(random_bytes(8).hex(), now, now)

    def end(self, step: str) -> None:
        """A step has ended now."""
        now = perf_counter_ns()
        self.steps.append((step, self.ended, now))
        self.ended = now

    def stop(self) -> None:
        """The step that was under way has ended with a refusal."""
        last = STEPS.index(self.steps[-1][0]) + 1 if self.steps else 0
        self.end(STEPS[min(last, len(STEPS) - 1)])
