"""A payment provider's webhooks, signed by the `standardwebhooks` package: somebody else's code."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import standardwebhooks

#: Both secrets of the source `pay`, the new one first.
PAY_SECRETS = tuple(
    f"whsec_{base64.b64encode(f'{name} secret of the source'.encode().ljust(32, b'.')).decode()}"
    for name in ("new", "old")
)
FOREIGN_SECRET = f"whsec_{base64.b64encode(b'of somebody else'.ljust(32, b'.')).decode()}"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request's body and headers."""

    body: bytes
    headers: dict[str, str]

    def without(self, *names: str) -> Webhook:
        """The same without some headers."""
        return Webhook(self.body, {k: v for k, v in self.headers.items() if k not in names})


def event(
    event_type: str = "payment.succeeded",
    *,
    event_id: str | None = None,
    secret: str = PAY_SECRETS[0],
    signed_at: float | None = None,
    **data: Any,
) -> Webhook:
    """An event of the payment provider, signed at a time (now)."""
    document = {"type": event_type, "timestamp": "2026-11-23T07:00:00Z", "data": {"id": "pay_1", **data}}
    return signed(json.dumps(document).encode(), event_id=event_id, secret=secret, signed_at=signed_at)


def signed(
    body: bytes,
    *,
    event_id: str | None = None,
    secret: str = PAY_SECRETS[0],
    signed_at: float | None = None,
) -> Webhook:
    """A body in UTF-8, signed at a time (now)."""
    event_id = event_id or f"msg_{uuid4().hex}"
    moment = datetime.fromtimestamp(int(time.time() if signed_at is None else signed_at), UTC)
    signature = standardwebhooks.Webhook(secret).sign(event_id, moment, body.decode())
    headers = {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }
    return Webhook(body, headers)
