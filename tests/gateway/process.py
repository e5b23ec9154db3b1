"""A real gateway in a process of its own, with everything that a test wants to know of it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from gateway import keyfile
from gateway.keyring import SECRET_BYTES, Key, KeyRing, Status
from gateway.secret import Secret
from stack.part import Part
from stack.ports import free_row
from tests.gateway.webhooks import PAY_SECRETS, Webhook

#: Bounds small enough to be run into.
BODY_LIMIT = 64 * 1024
BODY_SECONDS = 1

_TOML = """\
public_url = {public_url}
[listen]
public = {public}
internal = {internal}
[restate]
ingress_urls = {ingress_urls}
[ledger]
url = "sqlite:///gateway.db"
[keys]
file = "keys.json"
[limits]
body = {body_limit}
body_time = {body_seconds}
[log]
level = "debug"
[clients.orders]
token_sha256 = {token_sha256}
[clients.other]
token_sha256 = {other_sha256}
[clients.narrow]
token_sha256 = {narrow_sha256}
sources = ["pay", "stripe-*"]

[sources.pay]
provider = "standard-webhooks"
secrets = {pay_secrets}
succeed_on = ["payment.succeeded"]
fail_on = ["payment.declined"]
# The same account under another name: a token is for one of them.
[sources.pay-twin]
provider = "standard-webhooks"
secrets = {pay_secrets}
succeed_on = ["payment.succeeded"]
[sources.closed]
provider = "standard-webhooks"
succeed_on = ["*"]
[sources.absent]
provider = "standard-webhooks"
succeed_on = ["*"]
secrets = ["env:A_SECRET_THAT_NOBODY_SET"]
[sources.mailer]
provider = "unsigned"
[sources.stripe-eu]
provider = "stripe"
secrets = ["whsec_0123456789abcdef0123456789abcdef"]
"""


def new_awakeable() -> str:
    """An awakeable id as the SDKs give it out, of no invocation."""
    packed = os.urandom(24) + (17).to_bytes(4, "big")
    return "sign_1" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def new_key(key_id: str, status: Status = Status.PRIMARY) -> Key:
    """A fresh signing key."""
    return Key(key_id, Secret(os.urandom(SECRET_BYTES)), status, datetime.now(UTC).replace(microsecond=0))


@dataclass(frozen=True, slots=True)
class Issued:
    """A callback that was issued for an awakeable."""

    id: str
    awakeable: str
    #: The path of its URL on the public listener, whatever prefix the URL has.
    path: str
    url: str
    reference: str
    key_id: str

    @property
    def token(self) -> str:
        """The last segment of its URL."""
        return self.path.rpartition("/")[2]


class RunningGateway:
    """
    A gateway, its files, and clients of its two listeners.

    `api` calls the internal API as the client `orders`, `anonymous` without a token, `public` the public
    listener. `tokens` are the clients' bearer tokens.
    """

    def __init__(
        self,
        directory: Path,
        ingress_urls: list[str],
        *,
        prefix: str = "",
        environment: Mapping[str, str] | None = None,
        workers: int = 1,
    ) -> None:
        public, *internals = (f"127.0.0.1:{port}" for port in free_row(1 + workers))
        internal = internals[0]
        self.directory = directory
        self.address = public
        self.public_url = f"http://{public}{prefix}"
        self.key_file = directory / "keys.json"
        self.tokens = {name: secrets.token_urlsafe(32) for name in ("orders", "other", "narrow")}
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.tokens.items()}
        values = {
            "public_url": self.public_url,
            "public": public,
            "internal": internal,
            "ingress_urls": ingress_urls,
            "body_limit": BODY_LIMIT,
            "body_seconds": BODY_SECONDS,
            "token_sha256": digests["orders"],
            "other_sha256": digests["other"],
            "narrow_sha256": digests["narrow"],
            "pay_secrets": list(PAY_SECRETS),
        }
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "gateway.toml"
        # JSON's texts, numbers and lists of texts are TOML's.
        config.write_text(_TOML.format(**{name: json.dumps(value) for name, value in values.items()}))
        keyfile.save(self.key_file, KeyRing((new_key("k1"),), "default"))
        self.part = Part(
            name="gateway",
            command=[
                *(sys.executable, "-m", "gateway", "serve", "--config", str(config)),
                *(() if workers == 1 else ("--workers", str(workers))),
            ],
            environment=environment or {},
            log=directory / "gateway.log",
            ready=[f"http://{one}/livez" for one in (*internals, public)],
        )
        #: The internal listeners, one of each worker.
        self.internals = internals
        self.public = httpx.Client(base_url=f"http://{public}", trust_env=False, timeout=15)
        self.anonymous = httpx.Client(base_url=f"http://{internal}", trust_env=False, timeout=15)
        self.api = self.as_client("orders")

    def as_client(self, name: str) -> httpx.Client:
        """A client of the internal API with the bearer token of a configured client."""
        headers = {"authorization": f"Bearer {self.tokens[name]}"}
        return httpx.Client(base_url=self.anonymous.base_url, headers=headers, trust_env=False, timeout=15)

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.part.start()
        self.part.wait_ready()

    def stop(self) -> None:
        """End it and close the clients."""
        self.part.stop()
        for client in (self.public, self.anonymous, self.api):
            client.close()

    @property
    def log(self) -> str:
        """All that it has written to stdout and stderr."""
        return self.part.log.read_text(errors="replace")

    @property
    def database(self) -> sqlite3.Connection:
        """A connection of one's own to its ledger; whoever asks closes it."""
        return sqlite3.connect(self.directory / "gateway.db", isolation_level=None)

    def issue(self, source: str = "pay", **changes: Any) -> Issued:
        """Issue a callback for a fresh awakeable."""
        awakeable = new_awakeable()
        body = {"source": source, "target": {"awakeable": awakeable}, **changes}
        answer = self.api.post("/v1/callbacks", json=body)
        assert answer.status_code == 201, answer.text
        issued = answer.json()
        url = issued["url"] or ""
        return Issued(
            id=issued["id"],
            awakeable=awakeable,
            path=url.removeprefix(self.public_url),
            url=url,
            reference=issued["reference"],
            key_id=issued["key_id"],
        )

    def send(self, path: str, webhook: Webhook) -> httpx.Response:
        """Bring a provider's webhook to the public listener."""
        return self.public.post(path, content=webhook.body, headers=webhook.headers)

    def callback(self, callback_id: str) -> dict[str, Any]:
        """What the internal API says of a callback."""
        answer = self.api.get(f"/v1/callbacks/{callback_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def outcomes(self, callback_id: str) -> list[str]:
        """The outcomes of the events that came for a callback, oldest first."""
        return [event["outcome"] for event in self.callback(callback_id)["deliveries"]]

    def wait_for_outcome(self, callback_id: str, outcome: str, seconds: float = 10.0) -> None:
        """Return when an event of a callback has come to an outcome."""
        deadline = time.monotonic() + seconds
        while outcome not in (found := self.outcomes(callback_id)):
            assert time.monotonic() < deadline, f"after {seconds} s the outcomes are {found}"
            time.sleep(0.02)
