"""
The gateway's metrics that are counted while it works; `gateway.internal.metrics` adds what is looked up.

A registry of its own, not the library's global one. Labels are names from the configuration, closed lists and
numbers of statuses: never a token, an id or a text of a customer's.

The library looks a label up in 3 µs, counts in 0.5 and observes a time in 1.3, of which a delivery has ten:
what every delivery pays for is counted here in a tenth of that, and the library is told when it is asked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from gateway.errors import GatewayError
from gateway.observe.passage import STEPS, Passage

#: Seconds. The quickest steps take 10 µs, and what would take longer than 5 s is cut before.
_BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
#: As the steps of a passage are timed.
_BUCKETS_NS = [round(seconds * 1e9) for seconds in _BUCKETS]
#: So many times wait at most, those of some 250 deliveries: to sort them takes a fifth of a millisecond.
_MANY = 2048


class _Children(dict[Any, Counter]):
    """A counter's children by their labels' values: one value, or several in a tuple."""

    def __init__(self, parent: Counter) -> None:
        super().__init__()
        self._parent = parent

    def __missing__(self, key: Any) -> Counter:
        child: Counter = self._parent.labels(*(key if isinstance(key, tuple) else (key,)))
        self[key] = child
        return child


class _Counts(Collector):
    """A counter by the values of its labels, a tuple: add to its `counts`, in one thread."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._name, self._text, self._labels = name, text, labels
        self.counts: defaultdict[tuple[object, ...], int] = defaultdict(int)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What the library shows."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, count in self.counts.items():
            family.add_metric([str(value) for value in values], count)
        yield family


class _Seconds(Collector):
    """
    A histogram of seconds by the value of a label, "" where it has none; one thread observes.

    Times wait in a list until somebody asks or many wait: many that are sorted fall into the buckets at once.
    """

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._name, self._text, self._labels = name, text, labels
        #: By the label's value: so many up to the end of each bucket, then all, then their sum in ns.
        self._series: dict[str, list[int]] = {}
        self._waiting: list[tuple[str, int, int]] = []

    def there(self, value: str) -> list[int]:
        """What is counted of a value, which is there from now on."""
        return self._series.setdefault(value, [0] * (len(_BUCKETS) + 2))

    def observe(self, took: Iterable[tuple[str, int, int]]) -> None:
        """Values with when each began and when it ended, in nanoseconds."""
        self._waiting.extend(took)
        if len(self._waiting) >= _MANY:
            self._sort()

    def _sort(self) -> None:
        """Count what waits."""
        waiting: defaultdict[str, list[int]] = defaultdict(list)
        for value, began, ended in self._waiting:
            waiting[value].append(ended - began)
        self._waiting.clear()
        for value, times in waiting.items():
            times.sort()
            series = self.there(value)
            for place, bound in enumerate(_BUCKETS_NS):
                series[place] += bisect_right(times, bound)
            series[-2] += len(times)
            series[-1] += sum(times)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What the library shows."""
        self._sort()
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        bounds = [*map(str, _BUCKETS), "+Inf"]
        for value, (*counts, total) in self._series.items():
            buckets = list(zip(bounds, counts, strict=True))
            family.add_metric([value][: len(self._labels)], buckets, total / 1e9)
        yield family


class Metrics:
    """What is counted. Each method is called where the thing happens, once."""

    def __init__(self) -> None:
        # When a series began is a series more for each, and nobody's question here.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"gateway_{name}", text, labels, registry=self.registry)

        def counts(name: str, text: str, *labels: str) -> _Counts:
            made = _Counts(f"gateway_{name}", text, *labels)
            self.registry.register(made)
            return made

        def seconds(name: str, text: str, *labels: str) -> _Seconds:
            made = _Seconds(f"gateway_{name}_seconds", text, *labels)
            self.registry.register(made)
            return made

        self._deliveries = counts("deliveries", "Events, by what became of them", "source", "outcome")
        self._requests = counts("requests", "Requests answered", "listener", "status")
        self._refused = _Children(counter("refused", "Requests refused on the public listener", "reason"))
        self._conflicts = _Children(counter("conflicts", "Repeats that say something else", "source"))
        self._contradictions = _Children(
            counter("contradictions", "Successes after a failure, or the reverse", "source")
        )
        self._secrets = counts(
            "secret_used", "Deliveries verified, by the place of their secret", "source", "secret"
        )
        self._no_effect = _Children(
            counter("no_effect", "Values that came to an invocation that was over", "source")
        )
        self._issued = _Children(counter("callbacks_issued", "Callbacks issued", "source", "client"))
        self._restate = counts("restate_requests", "Calls to Restate's ingress", "address", "answered")
        self._operations = _Children(counter("ledger_operations", "Operations of the ledger", "kind"))
        self._errors = counter("ledger_errors", "What the ledger could not do, or not in time")
        self._steps = seconds("step", "The steps of a delivery's way", "step")
        self._restate_seconds = seconds("restate", "Calls to Restate's ingress", "address")
        self._whole = seconds("delivery", "A delivery's whole way, its answer included")
        self._commit_seconds = Histogram(
            "gateway_ledger_commit_seconds",
            "Commits of the ledger, flushed",
            registry=self.registry,
            buckets=_BUCKETS,
        )
        for step in STEPS:
            # There from the start, so that an alert has something to compare with.
            self._steps.there(step)
        self._whole.there("")

    def passed(self, passage: Passage) -> None:
        """A request on the public listener is over."""
        self._requests.counts["public", passage.status] += 1
        if passage.refused:
            self._refused[passage.refused].inc()
        if not passage.delivery_id:
            return
        source = passage.source
        for outcome in passage.outcomes or ((passage.outcome,) if passage.outcome else ()):
            self._deliveries.counts[source, outcome] += 1
        for one in passage.disposed:
            if one.conflict:
                self._conflicts[source].inc()
            if one.contradicts:
                self._contradictions[source].inc()
        if passage.secret is not None:
            self._secrets.counts[source, passage.secret] += 1
        self._steps.observe(passage.steps)
        self._whole.observe((("", passage.began, passage.ended),))

    def refused(self, error: GatewayError) -> None:
        """The public listener refused what is no request, or one connection too many."""
        self._requests.counts["public", error.status] += 1
        self._refused[error.code].inc()

    def answered(self, status: int) -> None:
        """A request on the internal listener was answered."""
        self._requests.counts["internal", status] += 1

    def issued(self, source: str, client: str) -> None:
        """A callback was issued, for the first time."""
        self._issued[source, client].inc()

    def no_effect(self, source: str) -> None:
        """A value came to an invocation that was over."""
        self._no_effect[source].inc()

    def restate_answered(self, address: str, answered: str, seconds: float) -> None:
        """An address of Restate's ingress was called; `answered` is one of `gateway.restate.Answered`."""
        self._restate.counts[address, answered] += 1
        self._restate_seconds.observe(((address, 0, round(seconds * 1e9)),))

    def ledger_did(self, kind: str, operations: int, seconds: float) -> None:
        """The ledger has done operations, `write` or `read`; writes were flushed in one commit."""
        self._operations[kind].inc(operations)
        if kind == "write":
            self._commit_seconds.observe(seconds)

    def ledger_failed(self) -> None:
        """The ledger could not do something."""
        self._errors.inc()
