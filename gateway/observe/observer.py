"""Where what is known of a request goes once it is over: the metrics, the log, the spans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gateway.delivery import Headers
from gateway.observe.lines import Lines
from gateway.observe.metrics import Metrics
from gateway.observe.passage import Passage
from gateway.observe.trace import Trace


class Tracer(Protocol):
    """Makes spans of passages; `gateway.observe.tracing` has the one that there is."""

    def begin(self, provider: str | None) -> Trace:
        """The trace of a request. `provider` is the `traceparent` that came in."""
        ...

    def export(self, passage: Passage) -> None:
        """Have a delivery's spans sent, beside everything else."""
        ...

    async def run(self) -> None:
        """Send what waits until cancelled."""
        ...

    async def close(self, within: float) -> None:
        """Send what is left, for some seconds at most."""
        ...


@dataclass
class Observer:
    """Takes in each passage once. `tracer` is None where no traces are asked for."""

    metrics: Metrics = field(default_factory=Metrics)
    tracer: Tracer | None = None
    _lines: Lines = field(default_factory=Lines)

    def trace(self, passage: Passage, headers: Headers) -> None:
        """Begin a trace before Restate is told, so that it is told of it."""
        if self.tracer is not None:
            provider = headers.every("traceparent")
            passage.trace = self.tracer.begin(provider[0] if len(provider) == 1 else None)

    def passed(self, passage: Passage) -> None:
        """A request on the public listener is over."""
        self.metrics.passed(passage)
        self._lines.tell(passage)
        if self.tracer is not None:
            self.tracer.export(passage)

    def replayed(self, passage: Passage) -> None:
        """A replay is over: it is in the log, and was counted when it came."""
        self._lines.tell(passage)
