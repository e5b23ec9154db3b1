"""
The gateway's metrics that are counted while it works; `gateway.internal.metrics` adds what is looked up.

A registry of its own, not the library's global one. Labels are names from the configuration, closed lists and
numbers of statuses: never a token, an id or a text of a customer's.

The library looks a label up in 3 µs and counts in 0.5, so that each child is looked up once.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from gateway.errors import GatewayError
from gateway.observe.passage import Passage, Step

#: Seconds. The quickest steps take 10 µs, and what would take longer than 5 s is cut before.
_BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
Metric = TypeVar("Metric", Counter, Histogram)


class _Children(dict[Any, Metric], Generic[Metric]):
    """A metric's children by their labels' values: one value, or several in a tuple."""

    def __init__(self, parent: Metric) -> None:
        super().__init__()
        self._parent: Metric = parent

    def __missing__(self, key: Any) -> Metric:
        child: Metric = self._parent.labels(*(key if isinstance(key, tuple) else (key,)))
        self[key] = child
        return child


class Metrics:
    """What is counted. Each method is called where the thing happens, once."""

    def __init__(self) -> None:
        # When a series began is a series more for each, and nobody's question here.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"gateway_{name}", text, labels, registry=self.registry)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(f"gateway_{name}", text, labels, registry=self.registry, buckets=_BUCKETS)

        self._deliveries = _Children(
            counter("deliveries", "Events, by what became of them", "source", "outcome")
        )
        self._requests = _Children(counter("requests", "Requests answered", "listener", "status"))
        self._refused = _Children(counter("refused", "Requests refused on the public listener", "reason"))
        self._conflicts = _Children(counter("conflicts", "Repeats that say something else", "source"))
        self._contradictions = _Children(
            counter("contradictions", "Successes after a failure, or the reverse", "source")
        )
        self._secrets = _Children(
            counter("secret_used", "Deliveries verified, by the place of their secret", "source", "secret")
        )
        self._no_effect = _Children(
            counter("no_effect", "Values that came to an invocation that was over", "source")
        )
        self._issued = _Children(counter("callbacks_issued", "Callbacks issued", "source", "client"))
        self._restate = _Children(
            counter("restate_requests", "Calls to Restate's ingress", "address", "answered")
        )
        self._operations = _Children(counter("ledger_operations", "Operations of the ledger", "kind"))
        self._errors = counter("ledger_errors", "What the ledger could not do, or not in time")
        self._steps = _Children(histogram("step_seconds", "The steps of a delivery's way", "step"))
        self._seconds = histogram("delivery_seconds", "A delivery's whole way, its answer included")
        self._commit_seconds = histogram("ledger_commit_seconds", "Commits of the ledger, flushed")
        self._restate_seconds = _Children(
            histogram("restate_seconds", "Calls to Restate's ingress", "address")
        )
        for step in Step:
            # There from the start, so that an alert has something to compare with.
            self._steps[step]

    def passed(self, passage: Passage) -> None:
        """A request on the public listener is over."""
        self._requests["public", passage.status].inc()
        if passage.refused:
            self._refused[passage.refused].inc()
        if not passage.delivery_id:
            return
        source = passage.source
        for outcome in passage.outcomes or ((passage.outcome,) if passage.outcome else ()):
            self._deliveries[source, outcome].inc()
        for one in passage.disposed:
            if one.conflict:
                self._conflicts[source].inc()
            if one.contradicts:
                self._contradictions[source].inc()
        if passage.secret is not None:
            self._secrets[source, passage.secret].inc()
        for step, began, ended in passage.steps():
            self._steps[step].observe((ended - began) / 1e9)
        self._seconds.observe((passage.ended - passage.began) / 1e9)

    def refused(self, error: GatewayError) -> None:
        """The public listener refused what is no request, or one connection too many."""
        self._requests["public", error.status].inc()
        self._refused[error.code].inc()

    def answered(self, status: int) -> None:
        """A request on the internal listener was answered."""
        self._requests["internal", status].inc()

    def issued(self, source: str, client: str) -> None:
        """A callback was issued, for the first time."""
        self._issued[source, client].inc()

    def no_effect(self, source: str) -> None:
        """A value came to an invocation that was over."""
        self._no_effect[source].inc()

    def restate_answered(self, address: str, answered: str, seconds: float) -> None:
        """An address of Restate's ingress was called; `answered` is one of `gateway.restate.Answered`."""
        self._restate[address, answered].inc()
        self._restate_seconds[address].observe(seconds)

    def ledger_did(self, kind: str, operations: int, seconds: float) -> None:
        """The ledger has done operations, `write` or `read`; writes were flushed in one commit."""
        self._operations[kind].inc(operations)
        if kind == "write":
            self._commit_seconds.observe(seconds)

    def ledger_failed(self) -> None:
        """The ledger could not do something."""
        self._errors.inc()
