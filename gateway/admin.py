"""
What Restate's admin API knows: whether a target's handler is there, asked when a callback is issued.

A typo shows then, in place of a webhook that waits for a handler that never comes. An admin API that does
not answer hinders nothing. https://docs.restate.dev/admin-api
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from gateway.errors import Invalid
from gateway.log import logger
from gateway.targets import Awakeable, Handler, Target, WorkflowPromise

#: Issuing waits for it: a healthy one answers in milliseconds.
_TIMEOUT = 1.0
#: A handler that was there is taken to be there for so long.
_REMEMBER = 60.0
_MAX_REMEMBERED = 10_000


@dataclass
class RestateAdmin:
    """Calls to the admin API."""

    url: str
    http: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)
    )
    _known: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # No proxy of the environment: Restate is a neighbour.
        self.http = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

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
            response = await self.http.get(self.url + path)
        except httpx.HTTPError as error:
            logger.warning("Restate's admin API does not answer", kind=type(error).__name__)
            return
        if response.status_code == 404:
            raise Invalid(
                f"target: Restate knows no handler {service}/{handler}; no webhook could reach it; {remedy}"
            )
        if response.is_success:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known[service, handler] = now + _REMEMBER
