"""
What a proxy has altered, told from what was sent and what arrived. Nothing here sends anything.

A signature is over bytes: whatever changes them on the way makes every genuine webhook a forged one.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli.altered.body import body
from gateway.cli.altered.headers import headers
from gateway.cli.altered.sent import Sent
from gateway.cli.altered.target import path, query
from gateway.cli.findings import Finding, fail
from gateway.probes import Arrived


def compare(sent: Sent, arrived: Arrived) -> list[Finding]:
    """What was altered on the way; nothing, where all arrived as it was sent."""
    return [
        *_method(sent, arrived),
        *path(sent, arrived),
        *query(sent, arrived),
        *headers(sent, arrived),
        *body(sent, arrived),
    ]


def _method(sent: Sent, arrived: Arrived) -> Iterator[Finding]:
    if arrived.method != sent.method:
        yield fail(
            "method",
            f"{sent.method} arrives as {arrived.method}",
            "providers POST: look for a redirect or a rewrite that the proxy follows by itself",
        )
