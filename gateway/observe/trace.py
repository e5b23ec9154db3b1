"""
The identity of a request in a trace, and the `traceparent` that carries it on.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Remote:
    """A span of somebody else's."""

    trace_id: int
    span_id: int
    sampled: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """
    A trace that this gateway begins: its id, the id of the delivery's span, and that of the step that tells
    Restate. `link` is the span that the provider says it comes from: never the parent, whoever sends it could
    put its own deliveries into anybody's trace.
    """

    trace_id: int
    span_id: int
    complete_id: int
    sampled: bool
    link: Remote | None = None

    @classmethod
    def begin(cls, ratio: float, provider: str | None) -> Trace:
        """A new trace with random ids. `provider` is the `traceparent` that came in."""
        random = os.urandom(32)
        trace_id = int.from_bytes(random[:16], "big")
        # The lower half of a random trace id decides, as OpenTelemetry's TraceIdRatioBased has it.
        sampled = trace_id & (1 << 64) - 1 < round(ratio * (1 << 64))
        link = parse(provider) if provider else None
        span_id, complete_id = int.from_bytes(random[16:24], "big"), int.from_bytes(random[24:], "big")
        return cls(trace_id, span_id, complete_id, sampled, link)

    @property
    def traceparent(self) -> str:
        """What Restate is sent: its spans come under the step that tells it."""
        return f"00-{self.trace_id:032x}-{self.complete_id:016x}-{self.sampled:02x}"


def parse(traceparent: str) -> Remote | None:
    """The span that a `traceparent` names; None for one that is not valid."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (traceparent.startswith("00") and found[4]):
        return None
    trace_id, span_id = int(found[1], 16), int(found[2], 16)
    if not trace_id or not span_id:
        return None
    return Remote(trace_id, span_id, bool(int(found[3], 16) & 1))
