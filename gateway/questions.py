"""
Questions to Restate over HTTP, beside what completes callbacks: rare, and nothing waits long for an answer.

httpx is loaded when the first one is asked: it is 0.1 s and 6 MB, with the certificates that it reads, and a
gateway may never ask. A thread loads it, so that the event loop does not stand still meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class Unanswered(Exception):
    """Nobody answered; its text is the kind of what went wrong."""


@dataclass
class Questions:
    """Asks, and waits `timeout` seconds for each part of an answer where no other is given."""

    timeout: float
    _http: httpx.AsyncClient | None = field(default=None, repr=False)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def get(self, url: str, **more: Any) -> httpx.Response:
        """The answer to a GET; raises `Unanswered`. `more` is what httpx takes."""
        return await self._ask("GET", url, **more)

    async def post(self, url: str, **more: Any) -> httpx.Response:
        """The answer to a POST, likewise."""
        return await self._ask("POST", url, **more)

    async def ready(self) -> httpx.AsyncClient:
        """Load what asks, where that has not been done: for whoever counts the time of an answer."""
        async with self._making:
            if self._http is None:
                self._http = await asyncio.to_thread(_client, self.timeout)
            return self._http

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        http = await self.ready()
        import httpx  # loaded by now

        try:
            return await http.request(method, url, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unanswered(type(error).__name__) from None


def _client(timeout: float) -> httpx.AsyncClient:
    import httpx

    # No proxy of the environment: Restate is a neighbour.
    return httpx.AsyncClient(timeout=timeout, trust_env=False)
