"""
The gateway's internal HTTP API, as far as a waiting service needs it.

What can be tried again is raised as an ordinary exception, so that Restate tries again; what the gateway
refuses is a `TerminalError` with its words. Neither text holds the token, a callback URL or an awakeable
id: Restate keeps the errors of a `run`.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from restate import TerminalError

from gateway.secret import Secret

#: The gateway answers from its own ledger: one that needs longer is in trouble, and Restate tries again.
_TIMEOUT = httpx.Timeout(10, connect=3)
#: 4xx that are about the moment and not about the request.
_TRY_AGAIN = frozenset({408, 429})


class GatewayUnavailable(Exception):
    """The gateway cannot do it now."""


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """
    Where the gateway's internal listener is, and the token that this service shows it.

    A token in a file is read for every call, so that replacing it needs no restart. `close_within` is how
    long a handler whose time is over tries to say so to a gateway that is away.
    """

    url: str
    token: Secret | Path
    close_within: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("GATEWAY_URL: an address such as http://gateway:8001 is needed")
        self._bearer()

    async def issue(self, path: str, body: Mapping[str, Any], idempotency_key: str) -> dict[str, Any]:
        """Issue at `/v1/callbacks` or `/v1/approvals`; the same key again answers the same."""
        return self._accepted(await self._post(path, body, idempotency_key), "issue a callback")

    async def close(self, callback_id: str) -> bool:
        """Say that nobody waits any more; False where an event came first and its value is on its way."""
        answer = await self._post(f"/v1/callbacks/{callback_id}/close", {})
        if answer.status_code == 409 and _problem(answer).get("code") == "completing":
            return False
        self._accepted(answer, "close a callback")
        return True

    async def alias(self, callback_id: str, alias: str) -> None:
        """Say which of the provider's objects belongs to the callback."""
        answer = await self._post(f"/v1/callbacks/{callback_id}/aliases", {"alias": alias})
        self._accepted(answer, "take an alias")

    async def _post(
        self, path: str, body: Mapping[str, Any], idempotency_key: str | None = None
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._bearer()}"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        # The internal listener is in the service's own network: no proxy of the environment sees the token.
        async with httpx.AsyncClient(timeout=_TIMEOUT, verify=_tls(), trust_env=False) as client:
            return await client.post(self.url.rstrip("/") + path, json=body, headers=headers)

    def _bearer(self) -> str:
        token = Secret(self.token.read_bytes().strip()) if isinstance(self.token, Path) else self.token
        text = token.reveal().decode("ascii", "replace")
        # An HTTP client's complaint about a header quotes it, and Restate would keep the complaint.
        if not text or not all("!" <= character <= "~" for character in text):
            raise ValueError("GATEWAY_TOKEN: a text without spaces, line ends and non-ASCII is needed")
        return text

    @staticmethod
    def _accepted(answer: httpx.Response, what: str) -> dict[str, Any]:
        status = answer.status_code
        if answer.is_success:
            result: dict[str, Any] = answer.json()
            return result
        if answer.is_client_error and status not in _TRY_AGAIN:
            problem = _problem(answer)
            detail = problem.get("detail") or problem.get("title") or "no reason given"
            raise TerminalError(
                f"the gateway refused to {what}: {detail} ({status} {problem.get('code', '')}, "
                f"request {problem.get('request_id', 'unknown')})",
                status_code=status,
            )
        code = _problem(answer).get("code", "")
        raise GatewayUnavailable(f"the gateway could not {what}: it answered {status} {code}".rstrip())


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """The fields of an RFC 9457 problem; empty where something other than the gateway answered."""
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the trusted certificates takes milliseconds; httpx would do it for every client.
    return ssl.create_default_context()
