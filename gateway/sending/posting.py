"""Posting a delivery as a provider does, and what came of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import httpx

from gateway.sending.signing import Ready

#: Of what a server says in place of an outcome.
_MOST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What came of a delivery: its first event's type and id, the status and the body that were answered.

    `outcome` is what a gateway says became of it, several in a batch with ", " between them. `status` is None
    where nobody answered, and `outcome` says why.
    """

    event: str
    id: str | None
    status: int | None
    outcome: str
    milliseconds: int
    body: bytes = field(default=b"", repr=False)


async def post(client: httpx.AsyncClient, ready: Ready, seconds: float) -> Answered:
    """Post a delivery, and wait `seconds` for the answer; a redirect is not followed, as by no provider."""
    started = time.monotonic()
    status, body = None, b""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in ready.delivery.headers]
    try:
        answer = await client.post(
            ready.delivery.url,
            content=ready.delivery.body,
            headers=headers,
            timeout=seconds,
            follow_redirects=False,
        )
        status, body, outcome = answer.status_code, answer.content, _outcome(answer)
    except httpx.HTTPError as error:
        # Its text may have the URL in it, which holds a token.
        outcome = f"no answer: {type(error).__name__}"
    took = round((time.monotonic() - started) * 1000)
    return Answered(ready.event, ready.id, status, outcome, took, body)


def _outcome(answer: httpx.Response) -> str:
    """What a gateway says became of it; of another server, its first words."""
    try:
        said = json.loads(answer.content)
        if isinstance(said, dict):
            told = said.get("outcomes") or [
                said.get("outcome") or said.get("code") or said.get("title") or ""
            ]
            return ", ".join(map(str, told))[:_MOST_SHOWN]
    except ValueError:
        pass
    text = " ".join(answer.text.split())[:_MOST_SHOWN]
    return text if text.isprintable() else ""
