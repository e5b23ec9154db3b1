"""The provider of a chaos run: takes registrations, signs events, and repeats them until they are taken."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import standardwebhooks
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError, ReadTimeoutError, RequestTimeoutError

from tests.chaos.history import Answer, History

_FORGED_SECRET = "whsec_Zm9yZ2VkIGJ5IHNvbWVib2R5IHdpdGhvdXQgaXQuLi4="
#: Between two tries of a delivery: a real provider's first are seconds apart.
_RETRY_SECONDS = 0.3
#: Longer than the gateway promises, so that a late answer is seen as late.
_PATIENCE = 10.0


class Provider:
    """
    Sends events to the wait's URL on one of the gateways' addresses, chosen anew for each try.

    `urls` are the paths that were registered, by the name of the wait.
    """

    def __init__(
        self, secret: str, gateways: list[str], history: History, clock: Callable[[], float]
    ) -> None:
        self.urls: dict[str, str] = {}
        self._signer = standardwebhooks.Webhook(secret)
        self._forger = standardwebhooks.Webhook(_FORGED_SECRET)
        self._gateways = gateways
        self._history = history
        self._clock = clock
        # httpx would take so much time itself that a herd of repeats looked like a slow gateway.
        self._client = ClientBuilder().timeout(timedelta(seconds=_PATIENCE)).no_proxy().build()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def deliver(self, wait: str, event: str, event_type: str, copies: int, until: float) -> bool:
        """Bring an event, `copies` of it at once, each until it is taken or `until`; whether all were."""
        return all(
            await asyncio.gather(
                *(self._one_copy(wait, event, event_type, until) for _ in range(copies)),
            )
        )

    async def forge(self, wait: str, event: str, event_type: str) -> None:
        """Send an event as somebody who knows the URL and not the secret."""
        await self._send(wait, event, event_type, genuine=False)

    async def _one_copy(self, wait: str, event: str, event_type: str, until: float) -> bool:
        while True:
            status = await self._send(wait, event, event_type)
            if 200 <= status < 300:
                return True
            # 4xx is on record as an answer that no genuine delivery may get; repeating it shows no more.
            if 300 <= status < 500 or self._clock() > until:
                return False
            await asyncio.sleep(_RETRY_SECONDS * random.uniform(0.5, 1.5))

    async def _send(self, wait: str, event: str, event_type: str, genuine: bool = True) -> int:
        body = json.dumps({"type": event_type, "data": {"wait": wait}})
        signer = self._signer if genuine else self._forger
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": event,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(event, now, body),
        }
        begun = time.monotonic()
        try:
            url = random.choice(self._gateways) + self.urls[wait]
            answer = await self._client.post(url).headers(headers).body_text(body).build().send()
            status, outcome = answer.status, _outcome(await answer.text())
        except (ReadTimeoutError, RequestTimeoutError):
            # A gateway that holds a delivery for so long is no gateway that was killed.
            status, outcome = 599, ""
        except PyreqwestError:
            status, outcome = 0, ""
        seconds = time.monotonic() - begun
        self._history.add(Answer(wait, event, status, outcome, seconds, self._clock(), genuine))
        return status


def _outcome(answer: str) -> str:
    try:
        return str(json.loads(answer).get("outcome", ""))
    except ValueError:
        return ""
