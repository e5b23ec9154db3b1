"""Following what a gateway takes in: a look a second at what is new."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.cli.api import InternalApi

_EVERY = 1.0
_NEXT = timedelta(milliseconds=1)
_EVER = datetime.fromtimestamp(0, UTC)
_PAGE = 500
#: A row is seen once it is committed, some time after its delivery came: each look goes back so far, and
#: passes over what was shown.
_OVERLAP = timedelta(seconds=5)
#: More than come in that time.
_REMEMBERED = 50_000


def follow(api: InternalApi, begin: datetime | None, **search: str | None) -> Iterator[dict[str, Any]]:
    """
    The deliveries since a moment and those that come, each once, oldest first within a look. Without a moment
    those that come only.

    Raises `ConfigurationError` where the gateway can't be asked any more.
    """
    shown: deque[str] = deque(maxlen=_REMEMBERED)
    since = begin or _now(api)
    while True:
        known = set(shown)
        for one in _since(api, since, search):
            if one["id"] not in known:
                shown.append(one["id"])
                # By the gateway's clock, which made it.
                since = max(since, datetime.fromisoformat(one["received_at"]) - _OVERLAP)
                yield one
        time.sleep(_EVERY)


def _now(api: InternalApi) -> datetime:
    """Behind the newest delivery, by the gateway's clock: this machine's may be another."""
    newest = api.get("/v1/deliveries", limit=1)["deliveries"]
    return datetime.fromisoformat(newest[0]["received_at"]) + _NEXT if newest else _EVER


def _since(api: InternalApi, since: datetime, search: dict[str, str | None]) -> list[dict[str, Any]]:
    """All deliveries since a moment, oldest first."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = api.get("/v1/deliveries", since=since.isoformat(), limit=_PAGE, cursor=cursor, **search)
        found += page["deliveries"]
        cursor = page["next"]
        if cursor is None:
            return found[::-1]
