"""
Whether an invocation still waits, asked now: for whoever looks at one callback.

The admin API is asked where it is configured, else the ingress's status route, which servers before 1.7.12
may lack. A missing route and a purged invocation both answer 404, so an invocation that is not found is
`finished` only where the same look finds another one of ours that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway.admin import RestateAdmin
from gateway.errors import TryLater
from gateway.invocations import invocation_id
from gateway.ledger import Ledger, waiting
from gateway.questions import Questions, Unanswered
from gateway.secret import Secret
from gateway.targets import Awakeable

Waiting = Literal["waiting", "finished", "unknown"]
#: What is known of some invocations by their ids; None where nobody can be asked.
_Look = Callable[[Sequence[str]], Awaitable[dict[str, Waiting] | None]]

_WITHIN = 1.0
#: One place to ask may take this long, so that there is time for another.
_ONE_LOOK = 0.4
#: Others that are asked about as well: one of them that waits is enough.
_WITNESSES = 4
_STAGES: dict[str, Waiting] = {"created": "waiting", "started": "waiting", "completed": "finished"}


@dataclass
class Status:
    """Asks Restate. `auth_token` is for the ingress."""

    ledger: Ledger
    ingress_urls: Sequence[str]
    admin: RestateAdmin | None = None
    auth_token: Secret | None = field(default=None, repr=False)
    _questions: Questions = field(default_factory=lambda: Questions(_ONE_LOOK), init=False, repr=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._questions.close()

    async def of(self, awakeable: Awakeable) -> Waiting:
        """Whether its invocation still waits, within a second; `unknown` where that can't be had."""
        await self._questions.ready()
        try:
            async with asyncio.timeout(_WITHIN):
                return await self._ask(awakeable)
        except (TimeoutError, TryLater):
            return "unknown"

    async def _ask(self, awakeable: Awakeable) -> Waiting:
        others = await self.ledger.read(waiting.last_open(_WITNESSES + 1))
        this = invocation_id(awakeable)
        ids = list(dict.fromkeys([this, *map(invocation_id, others)]))
        looks: list[_Look] = [self._by_route]
        if self.admin is not None:
            looks.insert(0, self._by_admin)
        for look in looks:
            try:
                async with asyncio.timeout(_ONE_LOOK):
                    found = await look(ids) or {}
            except TimeoutError:
                continue
            if this in found:
                return found[this]
            if "waiting" in found.values():
                return "finished"
        return "unknown"

    async def _by_admin(self, ids: Sequence[str]) -> dict[str, Waiting] | None:
        assert self.admin is not None
        invocations = await self.admin.invocations(ids)
        if invocations is None:
            return None
        return {known: "finished" if one.over else "waiting" for known, one in invocations.items()}

    async def _by_route(self, ids: Sequence[str]) -> dict[str, Waiting] | None:
        """What the first address that answers says: of the first id, else of those up to one that waits."""
        for url in self.ingress_urls:
            found: dict[str, Waiting] = {}
            try:
                for invocation in ids:
                    if (stage := await self._stage(url, invocation)) is not None:
                        found[invocation] = stage
                        if invocation == ids[0] or stage == "waiting":
                            return found
            except Unanswered:
                continue
            return found
        return None

    async def _stage(self, url: str, invocation: str) -> Waiting | None:
        headers = {}
        if self.auth_token is not None:
            headers["authorization"] = f"Bearer {self.auth_token.reveal().decode()}"
        response = await self._questions.get(f"{url}/restate/status/{invocation}", headers=headers)
        try:
            return _STAGES.get(response.json()["stage"]) if response.status_code == 200 else None
        except (ValueError, KeyError, TypeError):
            return None
