"""The ways from a provider to a waiting execution that are compared."""

from __future__ import annotations

import hashlib
import secrets
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from bench import stripe
from stack.part import ROOT, Part, clean_environment
from stack.ports import free_ports, free_row

_TOML = """\
public_url = "http://{public}"
[listen]
public = "{public}"
internal = "{internal}"
[restate]
ingress_urls = ["{ingress}"]
[clients.bench]
token_sha256 = "{digest}"
[sources.stripe]
provider = "stripe"
secrets = ["{secret}"]
per_callback_url = true
"""


class Way(Protocol):
    """`name` is what the table calls it; `address` is where the load goes; `part` is the process between."""

    name: str
    address: str
    part: Part | None

    def paths(self, awakeables: Sequence[str]) -> list[str]:
        """A path for each awakeable, to which its event is posted."""
        ...


class Direct:
    """Straight to Restate's ingress, with nothing between and nothing verified."""

    def __init__(self, ingress: str) -> None:
        self.name = "direct"
        self.address = urlsplit(ingress).netloc
        self.part: Part | None = None

    def paths(self, awakeables: Sequence[str]) -> list[str]:
        """Restate's own paths."""
        return [f"/restate/awakeables/{one}/resolve" for one in awakeables]


class Bridge:
    """A bridge by hand: `naive` or `tuned`."""

    def __init__(self, name: str, directory: Path, ingress: str) -> None:
        self.name = name
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        host, _, port = self.address.partition(":")
        self.part: Part | None = Part(
            name=name,
            command=[
                *(sys.executable, "-m", "uvicorn", f"bench.bridges.{name}:app"),
                *("--host", host, "--port", port, "--no-access-log", "--log-level", "warning"),
            ],
            environment={"INGRESS_URL": ingress, "STRIPE_SECRET": stripe.SECRET},
            log=directory / f"{name}.log",
            ready=[f"http://{self.address}/docs"],
        )

    def paths(self, awakeables: Sequence[str]) -> list[str]:
        """The awakeable's id stands in the URL, for everybody to read."""
        return [f"/webhook/{one}" for one in awakeables]


class Spinning(Direct):
    """A process between that passes on, and spins for so many microseconds."""

    def __init__(self, name: str, directory: Path, ingress: str, microseconds: str) -> None:
        super().__init__(ingress)
        self.name = name
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.part = Part(
            name=name,
            command=[
                *(sys.executable, "-m", "bench.bridges.spinning"),
                *(self.address, ingress, microseconds),
            ],
            environment={},
            log=directory / f"{name}.log",
            ready=[f"http://{self.address}/"],
        )


class Gateway:
    """
    Ours, with a ledger in a file or in PostgreSQL; `more` is appended to its settings. `workers` share the
    public port, and callbacks are issued by the first of them.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        ingress: str,
        ledger_url: str = "",
        more: str = "",
        workers: int = 1,
    ) -> None:
        self.name = name
        self.directory = directory / name
        self.directory.mkdir(parents=True)
        self.address, *internals = (f"127.0.0.1:{port}" for port in free_row(1 + workers))
        internal = internals[0]
        token = secrets.token_urlsafe(32)
        config = self.directory / "gateway.toml"
        config.write_text(
            _TOML.format(
                public=self.address,
                internal=internal,
                ingress=ingress,
                digest=hashlib.sha256(token.encode()).hexdigest(),
                secret=stripe.SECRET,
            )
            + more
        )
        self.command = [sys.executable, "-m", "gateway"]
        self.config = ["--config", str(config)]
        self.part: Part | None = Part(
            name=name,
            command=[*self.command, "serve", *self.config, "--workers", str(workers)],
            environment={"GATEWAY_LEDGER__URL": "env:LEDGER_URL", "LEDGER_URL": ledger_url}
            if ledger_url
            else {},
            log=self.directory / "gateway.log",
            ready=[f"http://{one}/livez" for one in (self.address, *internals)],
        )
        subprocess.run(
            [*self.command, "keys", "init", *self.config],
            cwd=ROOT,
            env=clean_environment(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self._api = httpx.Client(
            base_url=f"http://{internal}",
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=30,
        )

    def paths(self, awakeables: Sequence[str]) -> list[str]:
        """Signed URLs, asked for as a service asks."""
        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(self._path, awakeables))

    def _path(self, awakeable: str) -> str:
        asked = {"source": "stripe", "target": {"awakeable": awakeable}, "expires_in": "1h"}
        answer = self._api.post("/v1/callbacks", json=asked)
        answer.raise_for_status()
        return urlsplit(str(answer.json()["url"])).path


def request(way: Way, path: str, body: bytes, secret: str = stripe.SECRET) -> bytes:
    """The whole HTTP request that brings an event, signed with a secret."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {way.address}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*\r\n"
        f"Stripe-Signature: {stripe.signature(body, secret)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
