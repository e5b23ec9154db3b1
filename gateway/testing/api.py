"""The gateway's internal API, as the kit asks it: for the code under test, or as one that sees everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.errors import ConfigurationError
from gateway.testing.thread import GatewayThread


@dataclass(frozen=True)
class Api:
    """Calls with a bearer token. Whoever asks waits in its own loop (`result`) or as a whole (`wait`)."""

    thread: GatewayThread
    http: httpx.AsyncClient
    url: str
    token: str = field(repr=False)

    async def result(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON; `ConfigurationError` with the gateway's own words where it refuses."""
        return await self.thread.result(self._ask(method, path, body))

    def wait(self, method: str, path: str) -> dict[str, Any]:
        """The same, waiting for it."""
        return self.thread.wait(self._ask(method, path, None))

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        # What Restate answered is noted a moment after the provider is answered: a test would see it or not.
        await self.thread.gateway.courier.drain()
        headers = {"authorization": f"Bearer {self.token}"}
        answer = await self.http.request(method, self.url + path, json=body, headers=headers)
        found: dict[str, Any] = answer.json()
        if answer.is_error:
            raise ConfigurationError(f"the gateway answered {answer.status_code}: {found.get('detail')}")
        return found
