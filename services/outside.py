"""Calls to the outside world, made inside `ctx.run`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import httpx
from restate import TerminalError

#: These services answer at once: their results come by webhook.
_TIMEOUT = httpx.Timeout(10, connect=3)
#: 4xx that are about the moment and not about the request.
_TRY_AGAIN = frozenset({408, 425, 429})


async def post(base_url: str, path: str, body: Mapping[str, Any], *, idempotency_key: str) -> dict[str, Any]:
    """
    POST JSON to the service whose address the environment variable `base_url` names; its JSON answer.

    A `run` may happen more than once, so every call carries a key that is the same each time. Raises
    `TerminalError` for what trying again cannot mend; any other exception makes Restate try again.
    """
    async with httpx.AsyncClient(base_url=os.environ[base_url], timeout=_TIMEOUT) as client:
        answer = await client.post(path, json=body, headers={"idempotency-key": idempotency_key})
    if answer.is_client_error and answer.status_code not in _TRY_AGAIN:
        # Its words may repeat what it was sent, a callback URL above all.
        raise TerminalError(f"POST {path} was refused with {answer.status_code}", status_code=502)
    answer.raise_for_status()
    result: dict[str, Any] = answer.json()
    return result
