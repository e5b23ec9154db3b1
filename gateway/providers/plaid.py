"""
Plaid, https://plaid.com/docs/api/webhooks/webhook-verification/

A signed token holds the hash of the body. Its key is asked of Plaid's API by the token's key id, which takes
the account's own credentials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from gateway.providers.base import Provider
from gateway.providers.fetch import Fetch
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.jwt import JwtScheme
from gateway.secret import Secret


class _KeyApi:
    """Plaid's keys, one by one."""

    def request(self, key_id: str, keys: Sequence[Secret]) -> Fetch:
        """The request for a key, with the source's first credentials."""
        account = urlsplit(keys[0].reveal().decode())
        credentials = {
            "client_id": unquote(account.username or ""),
            "secret": unquote(account.password or ""),
        }
        url = f"https://{account.hostname}/webhook_verification_key/get"
        # Keys are rotated by announcing when they expire; a day is what Plaid's own sample keeps them.
        return Fetch(url, timedelta(days=1), json.dumps({**credentials, "key_id": key_id}).encode())

    def keys(self, material: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The key, unless it has expired."""
        key = material.get("key")
        return [key] if isinstance(key, dict) and key.get("expired_at") is None else []


PLAID = Provider(
    name="plaid",
    title="Plaid",
    documentation="https://plaid.com/docs/api/webhooks/webhook-verification/",
    secrets_from=(
        "both stand in the dashboard under Keys; with them the gateway asks Plaid for the key of each token"
    ),
    quirks=(
        "IDENTITY_VERIFICATION.STATUS_UPDATED and TRANSFER.TRANSFER_EVENTS_UPDATE do not say what became of "
        "it: name them in succeed_on and ask",
    ),
    scheme=JwtScheme(
        header="plaid-verification",
        algorithms=("ES256",),
        published=_KeyApi(),
        body_hash="request_body_sha256",
        key_form=KeyForm(
            pattern=r"https://[^\s/:@]+:[^\s/:@]+@(production|sandbox)\.plaid\.com",
            hint="https://CLIENT_ID:SECRET@production.plaid.com is needed, or sandbox.plaid.com",
        ),
    ),
    reader=FieldReader(
        # LINK.SESSION_FINISHED.SUCCESS, TRANSFER.TRANSFER_EVENTS_UPDATE
        type=at("webhook_type+webhook_code=SESSION_FINISHED+status|webhook_type+webhook_code"),
        time=at("timestamp"),
        reason=at("error.error_message|status"),
        objects=(
            at("link_session_id"),
            at("link_token"),
            at("item_id"),
            at("identity_verification_id"),
            at("transfer_id"),
        ),
    ),
    covers="body",
    url="both",
    # An identity verification's STATUS_UPDATED says that there is another status, and not which.
    succeed_on=("LINK.SESSION_FINISHED.SUCCESS",),
    fail_on=("LINK.SESSION_FINISHED.EXITED",),
    deadline=timedelta(seconds=10),
    # 30 s, then four times as long each time, up to a day.
    retries_for=timedelta(days=1),
    unconfirmed=(
        "a session that was exited does not succeed any more",
        "how long a verification key may be kept",
    ),
)
