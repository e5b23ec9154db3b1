"""
Spans for OpenTelemetry, made of passages when they are over and sent over OTLP/HTTP.

One span a delivery with its steps as children. What is on a delivery's way is a few microseconds: the spans
are made and sent once a second in a thread. What a collector that is away would get is dropped, the oldest
first.

This module needs the extra `traces`: import it only where traces are asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from gateway.log import logger
from gateway.observe.passage import Passage, Step
from gateway.observe.trace import Trace

#: Deliveries that wait to be sent: a second of them at full speed.
_MAX_WAITING = 5000
_BATCH = 500
_EVERY = 1.0
#: After a failure the collector is left alone for so long.
_PAUSE = 10.0
_EXPORT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What is kept of a passage until its spans are made; times in nanoseconds since the epoch."""

    trace: Trace
    name: str
    attributes: dict[str, str | int | list[str]]
    failed: bool
    began: int
    ended: int
    steps: list[tuple[str, int, int]]


class _GivenIds(RandomIdGenerator):
    """Ids that were chosen before: Restate was sent them."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        """The delivery's."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """The one that was chosen, for one span, else a random one."""
        given, self.span_id = self.span_id, 0
        return given or super().generate_span_id()


class _Ended(SpanProcessor):
    """Collects spans that have ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it."""
        self.spans.append(span)


class OtlpTracer:
    """
    Sends a share of the deliveries, `ratio`, to the collector at an address.

    Provider's own traces are linked to, never continued: whoever sends a header could put its deliveries into
    anybody's trace.
    """

    def __init__(self, endpoint: str, ratio: float, deployment: str) -> None:
        self._ratio = ratio
        self._waiting: deque[_Recorded] = deque(maxlen=_MAX_WAITING)
        self._exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=_EXPORT_SECONDS)
        self._away = False
        self._ids = _GivenIds()
        self._ended = _Ended()
        names = {
            "service.name": "webhook-gateway",
            "service.version": version("webhook-gateway"),
            "deployment.environment.name": deployment,
        }
        provider = TracerProvider(
            resource=Resource.create(names), id_generator=self._ids, shutdown_on_exit=False
        )
        provider.add_span_processor(self._ended)
        self._tracer = provider.get_tracer("gateway")

    def begin(self, provider: str | None) -> Trace:
        """The trace of a request. `provider` is the `traceparent` that came in."""
        return Trace.begin(self._ratio, provider)

    def export(self, passage: Passage) -> None:
        """Have a delivery's spans sent soon."""
        if passage.trace is not None and passage.trace.sampled:
            self._waiting.append(_record(passage, passage.trace))

    async def run(self) -> None:
        """Send what waits until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE if self._away else _EVERY)
            while self._waiting and await self._send():
                pass

    async def close(self, within: float) -> None:
        """Send what is left, for some seconds at most."""
        try:
            async with asyncio.timeout(within):
                while self._waiting and not self._away and await self._send():
                    pass
        except TimeoutError:
            pass
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library's

    async def _send(self) -> bool:
        batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        taken = await asyncio.to_thread(self._export, batch)
        if taken is self._away:
            # Once, not each second.
            self._away = not taken
            if taken:
                logger.info("traces are taken again")
            else:
                logger.warning("traces are dropped: the collector does not take them")
        return taken

    def _export(self, batch: list[_Recorded]) -> bool:
        self._ended.spans = []
        for recorded in batch:
            self._make(recorded)
        return self._exporter.export(self._ended.spans) is SpanExportResult.SUCCESS

    def _make(self, recorded: _Recorded) -> None:
        """Make a delivery's spans: they have ended before they begin."""
        trace = recorded.trace
        self._ids.trace_id, self._ids.span_id = trace.trace_id, trace.span_id
        delivery = self._tracer.start_span(
            recorded.name,
            Context(),
            SpanKind.SERVER,
            recorded.attributes,
            list(_links(trace)),
            recorded.began,
        )
        inside = set_span_in_context(delivery, Context())
        for step, began, ended in recorded.steps:
            told = step == Step.COMPLETE
            self._ids.span_id = trace.complete_id if told else 0
            kind = SpanKind.CLIENT if told else SpanKind.INTERNAL
            self._tracer.start_span(step, inside, kind, start_time=began).end(ended)
        if recorded.failed:
            delivery.set_status(Status(StatusCode.ERROR))
        delivery.end(recorded.ended)


def _record(passage: Passage, trace: Trace) -> _Recorded:
    # Steps are timed on another clock than the one that everybody shares.
    offset = time.time_ns() - time.perf_counter_ns()
    events = passage.disposed
    known: dict[str, str | int | list[str]] = {
        "gateway.source": passage.source,
        "gateway.callback": passage.callback_id or next((one.callback_id or "" for one in events), ""),
        "gateway.event_types": [one.event_type for one in events],
        "gateway.outcomes": [*passage.outcomes] or ([passage.outcome] if passage.outcome else []),
        "gateway.key": passage.key_id,
        "gateway.delivery": passage.delivery_id,
        "gateway.request_id": passage.request_id,
        "http.response.status_code": passage.status,
    }
    return _Recorded(
        trace=trace,
        name=f"delivery {passage.source}",
        attributes={name: value for name, value in known.items() if value},
        failed=passage.status >= 500,
        began=passage.began + offset,
        ended=passage.ended + offset,
        steps=[(step, began + offset, ended + offset) for step, began, ended in passage.steps],
    )


def _links(trace: Trace) -> Iterator[Link]:
    if trace.link is not None:
        flags = TraceFlags(TraceFlags.SAMPLED if trace.link.sampled else TraceFlags.DEFAULT)
        yield Link(SpanContext(trace.link.trace_id, trace.link.span_id, is_remote=True, trace_flags=flags))
