"""
What Restate's admin API knows: whether a target's handler is there, asked when a callback is issued, and
how invocations stand and what their journals hold, asked afterwards.

A typo shows then, in place of a webhook that waits for a handler that never comes. An admin API that does
not answer hinders nothing. https://docs.restate.dev/admin-api
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gateway.errors import Invalid
from gateway.log import logger
from gateway.questions import Questions, Unanswered
from gateway.targets import Awakeable, Handler, Target, WorkflowPromise

#: Issuing waits for it: a healthy one answers in milliseconds.
_TIMEOUT = 1.0
#: A handler that was there is taken to be there for so long.
_REMEMBER = 60.0
_MAX_REMEMBERED = 10_000
#: 300 invocations of 20,000 and their journals are found in 0.1 s.
_QUERY_TIMEOUT = 5.0
_SIGNAL = re.compile(r'"SignalIndex":(\d+)')


@dataclass(frozen=True, slots=True)
class Invocation:
    """
    How an invocation stands. `over`: it was completed, cancelled or killed. Times in seconds since the
    epoch, by Restate's clock; `ended_at` is None while it runs.
    """

    over: bool
    paused: bool
    created_at: float
    ended_at: float | None


@dataclass
class RestateAdmin:
    """Calls to the admin API."""

    url: str
    _questions: Questions = field(default_factory=lambda: Questions(_TIMEOUT))
    _known: dict[tuple[str, str], float] = field(default_factory=dict)

    async def close(self) -> None:
        """Close the connections."""
        await self._questions.close()

    async def check(self, target: Target) -> None:
        """Raise `Invalid` where Restate knows no such handler."""
        match target:
            case Awakeable():
                return
            case WorkflowPromise(workflow=service, handler=handler):
                remedy = "callbacks.bind(workflow) of the Python client adds it"
            case Handler(service=service, handler=handler):
                remedy = "register the service's deployment first"
        now = time.monotonic()
        if self._known.get((service, handler), 0.0) > now:
            return
        path = f"/services/{quote(service, safe='')}/handlers/{quote(handler, safe='')}"
        try:
            response = await self._questions.get(self.url + path)
        except Unanswered as error:
            logger.warning("Restate's admin API does not answer", kind=str(error))
            return
        if response.status_code == 404:
            raise Invalid(
                f"target: Restate knows no handler {service}/{handler}; no webhook could reach it; {remedy}"
            )
        if response.is_success:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known[service, handler] = now + _REMEMBER

    async def invocations(self, ids: Sequence[str]) -> dict[str, Invocation] | None:
        """The invocations that Restate knows of those with these ids; None where it can't be asked."""
        rows = await self._query(
            "SELECT id, status, created_at, completed_at FROM sys_invocation WHERE id IN (?)", ids
        )
        if rows is None:
            return None
        return {
            row["id"]: Invocation(
                over=row["status"] == "completed",
                paused=row["status"] == "paused",
                created_at=_seconds(row["created_at"]) or 0.0,
                ended_at=_seconds(row.get("completed_at")),
            )
            for row in rows
        }

    async def signals(self, ids: Sequence[str]) -> dict[str, set[int]] | None:
        """
        The indexes of the signals in these invocations' journals; None where it can't be asked.

        An invocation whose journal is not kept (any more) is not among them.
        """
        rows = await self._query(
            "SELECT DISTINCT id, entry_lite_json FROM sys_journal "
            "WHERE id IN (?) AND (index = 0 OR entry_type = 'Notification: Signal')",
            ids,
        )
        if rows is None:
            return None
        found: dict[str, set[int]] = {}
        for row in rows:
            indexes = found.setdefault(row["id"], set())
            if (index := _SIGNAL.search(row["entry_lite_json"])) is not None:
                indexes.add(int(index[1]))
        return found

    async def _query(self, sql: str, ids: Sequence[str]) -> list[dict[str, Any]] | None:
        # They are base62, computed and never given: nothing in them ends a literal.
        listed = ", ".join(f"'{text}'" for text in ids)
        # The text holds invocation ids, and so may Restate's answer: neither is logged.
        try:
            response = await self._questions.post(
                f"{self.url}/query",
                json={"query": sql.replace("?", listed)},
                headers={"accept": "application/json"},
                timeout=_QUERY_TIMEOUT,
            )
            if not response.is_success:
                logger.warning("Restate's admin API does not answer", status=response.status_code)
                return None
            rows: list[dict[str, Any]] = response.json()["rows"]
        except Unanswered as error:
            logger.warning("Restate's admin API does not answer", kind=str(error))
            return None
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("Restate's admin API does not answer", kind=type(error).__name__)
            return None
        return rows


def _seconds(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()
