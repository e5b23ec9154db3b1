"""How the simulated providers sign, and the four ways in which a delivery is not what it seems."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from standardwebhooks import Webhook

#: A request as it leaves: its header fields and its body.
Signed = tuple[Mapping[str, str], bytes]


class Fault(StrEnum):
    """What is wrong with a delivery of a payment's event."""

    #: Somebody who has no secret makes a signature up.
    FORGED = "forged"
    #: The body was changed after it was signed.
    TAMPERED = "tampered"
    #: Signed with the secret of another account.
    WRONG_SECRET = "wrong_secret"
    #: Signed ten minutes ago: an old delivery that is sent again.
    STALE = "stale"


_STALE_BY = timedelta(minutes=10)


def standard_webhook(
    secret: str, event_id: str, payload: Mapping[str, Any], fault: Fault | None = None
) -> Signed:
    """
    An event signed now, the way of standardwebhooks.com, by that project's own library.

    `secret` is a `whsec_…` text. A fault makes it one that a receiver has to refuse.
    """
    body = encoded(payload)
    at = datetime.now(UTC) - (_STALE_BY if fault is Fault.STALE else timedelta())
    key = _random(32) if fault is Fault.WRONG_SECRET else secret
    signature = Webhook(key).sign(event_id, at, body.decode())
    if fault is Fault.FORGED:
        signature = f"v1,{_random(32)}"
    if fault is Fault.TAMPERED:
        data = payload["data"]
        body = encoded({**payload, "data": {**data, "amount": data["amount"] + 1}})
    headers = {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    return headers, body


def hex_digest(secret: str, payload: Mapping[str, Any]) -> Signed:
    """`X-Idcheck-Signature: sha256=…`, the HMAC-SHA-256 of the raw body in hex: no id and no time."""
    body = encoded(payload)
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-idcheck-signature": f"sha256={digest}"}, body


def encoded(payload: Mapping[str, Any]) -> bytes:
    """The bytes of an event: what is signed is what is sent."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()
