"""
`/metrics`: what was counted, and what is looked up when somebody asks.

Without a bearer token, as scrapers expect: it is on the internal listener only, and holds no secret, id or
text of a customer's. What takes a query is looked up at most every ten seconds, beside everything else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.errors import TryLater
from gateway.gateway import Gateway
from gateway.internal.operations import readiness
from gateway.ledger import standing
from gateway.ledger.standing import Standing

router = APIRouter()

#: Between two looks at the ledger at least, and so many times as long as a look took.
_LOOK_EVERY = 10.0
_SHARE = 20
#: A look that takes longer is given up: the scrape goes without it.
_LOOK_SECONDS = 2.0


class Scrape(Collector):
    """What is looked up for a scrape."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._standing: Standing | None = None
        self._ready = False
        self._look_at = 0.0

    async def text(self) -> bytes:
        """All metrics, in Prometheus' text format."""
        self._ready = (await readiness(self._gateway)).ready
        await self._look()
        counted = generate_latest(self._gateway.observer.metrics.registry)
        return counted + generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing: it is alone in its registry."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Each metric with its samples of now; those that the ledger did not tell are left out."""
        yield from _of_the_process(self._gateway)
        yield from _of_the_keys(self._gateway)
        yield _gauge("ready", "Whether deliveries are taken", self._ready)
        if self._standing is not None:
            yield from _of_the_ledger(self._standing, self._gateway.clock())
        size = self._gateway.ledger.size()
        if size is not None:
            yield _gauge("ledger_bytes", "The ledger's file and its log", size)

    async def _look(self) -> None:
        began = time.monotonic()
        if began < self._look_at:
            return
        try:
            self._standing = await self._gateway.ledger.read(standing.look(), _LOOK_SECONDS)
        except TryLater:
            # Old numbers would look like new ones.
            self._standing = None
        took = time.monotonic() - began
        self._look_at = began + max(_LOOK_EVERY, _SHARE * took)


async def _scrape(request: Request) -> Scrape:
    found: Scrape = request.app.state.scrape
    return found


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(scrape: Annotated[Scrape, Depends(_scrape)]) -> Response:
    """Every metric that docs/operations/metrics-logs-traces-health.md lists."""
    return Response(await scrape.text(), media_type=CONTENT_TYPE_LATEST)


def _of_the_process(gateway: Gateway) -> Iterator[Metric]:
    build = GaugeMetricFamily("gateway_build_info", "1, by version", labels=["version"])
    build.add_metric([version("webhook-gateway")], 1)
    yield build
    yield _gauge("closed_sources", "Sources that have no secret", len(gateway.sources.closed))
    breaker = not gateway.restate.breaker.allows()
    yield _gauge("restate_breaker_open", "Whether Restate is left alone for a second", breaker)
    skew = gateway.restate.clock_skew()
    if skew is not None:
        yield _gauge("clock_skew_seconds", "How far the clock here is ahead of Restate's", skew)
    attempts = CounterMetricFamily(
        "gateway_courier_attempts", "What the courier brought, by Restate's answer", labels=["answered"]
    )
    for answered, number in gateway.courier.attempts.items():
        attempts.add_metric([answered], number)
    yield attempts


def _of_the_keys(gateway: Gateway) -> Iterator[Metric]:
    keys, ring = gateway.keys, gateway.ring
    info = GaugeMetricFamily("gateway_key_info", "1, by signing key", labels=["key_id", "status"])
    for key in ring.keys:
        info.add_metric([key.id, key.status], 1)
    yield info
    age = gateway.clock() - ring.primary.created_at.timestamp()
    yield _gauge("primary_key_age_seconds", "Since the primary key was made", age)
    yield _gauge("keys_loaded_timestamp_seconds", "When the keys in force were loaded", keys.loaded_at)
    errors = CounterMetricFamily("gateway_key_load_errors", "Key files that were not taken")
    errors.add_metric([], keys.load_errors)
    yield errors


def _of_the_ledger(found: Standing, now: float) -> Iterator[Metric]:
    callbacks = GaugeMetricFamily(
        "gateway_open_callbacks", "Callbacks that are waited for", labels=["source", "key_id"]
    )
    for labels, number in found.open.items():
        callbacks.add_metric(labels, number)
    yield callbacks
    yield _gauge("orphaned_callbacks", "Open, and nobody waits any more", found.orphaned)
    yield _gauge("pending_events", "Owed to Restate", found.pending)
    oldest = 0.0 if found.oldest_pending is None else max(now - found.oldest_pending, 0.0)
    yield _gauge("oldest_pending_seconds", "Since the oldest that is owed came in", oldest)
    yield _gauge("dead_events", "Refused by Restate for good", found.dead)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"gateway_{name}", text, value=float(value))
