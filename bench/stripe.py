"""Stripe's webhooks as they come: an event of a succeeded payment, signed (https://docs.stripe.com/webhooks)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import string
import time

SECRET = "whsec_" + "bench0" * 6  # of a source that exists for a measurement
_TOLERANCE = 300
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ACCOUNT = "2eZvKYlo2C"


def new_ids(count: int) -> list[str]:
    """Ids as Stripe makes them: a 1, the second in six digits of base 62, the account, random digits."""
    second = int(time.time())
    digits = "".join(_DIGITS[second // 62**place % 62] for place in reversed(range(6)))
    return [f"1{digits}{_ACCOUNT}" + "".join(secrets.choice(_DIGITS) for _ in range(8)) for _ in range(count)]


def event(number: str, size: int = 1500) -> bytes:
    """A `payment_intent.succeeded` of about `size` bytes with an id of its own."""
    document = {
        "id": f"evt_{number}",
        "object": "event",
        "api_version": "2026-09-30.dahlia",
        "created": int(time.time()),
        "type": "payment_intent.succeeded",
        "livemode": True,
        "data": {
            "object": {
                "id": f"pi_{number}",
                "object": "payment_intent",
                "amount": 4200,
                "amount_received": 4200,
                "currency": "eur",
                "status": "succeeded",
                "payment_method_types": ["card", "sepa_debit"],
                "metadata": {"order": number},
                "description": "",
            }
        },
    }
    missing = size - len(json.dumps(document, indent=2))
    document["data"]["object"]["description"] = "x" * max(0, missing)  # type: ignore[index]
    return json.dumps(document, indent=2).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    """The value of `Stripe-Signature` for a body, signed now."""
    now = int(time.time())
    return f"t={now},v1={_digest(body, now, secret)}"


def is_genuine(body: bytes, header: str, secret: str) -> bool:
    """Whether a body was signed with a secret within the last five minutes."""
    pairs = dict(part.partition("=")[::2] for part in header.split(","))
    signed_at = pairs.get("t", "")
    if not signed_at.isdigit() or abs(time.time() - int(signed_at)) > _TOLERANCE:
        return False
    return hmac.compare_digest(_digest(body, int(signed_at), secret).encode(), pairs.get("v1", "").encode())


def _digest(body: bytes, signed_at: int, secret: str) -> str:
    return hmac.new(secret.encode(), b"%d." % signed_at + body, hashlib.sha256).hexdigest()
