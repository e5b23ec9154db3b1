"""A real Restate server, alone on free loopback ports with a folder of its own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from stack.binary import restate_server
from stack.errors import StackError
from stack.part import READY_SECONDS, Part
from stack.ports import free_ports

_PROBE = {"query": "select count(*) from sys_invocation"}


class Restate:
    """
    One Restate node and its two addresses.

    With `always_replay` every wait is a real suspension: the invocation is ended and later run again
    from its journal, so that what is not deterministic shows. `ingress` and `admin` are HTTP clients.
    """

    def __init__(self, directory: Path, *, always_replay: bool = True) -> None:
        ingress, admin, node = free_ports(3)
        self.ingress_url = f"http://127.0.0.1:{ingress}"
        self.admin_url = f"http://127.0.0.1:{admin}"
        data = directory / "restate"
        data.mkdir(parents=True)
        environment = {
            # It leaves a folder there each time.
            "TMPDIR": str(data),
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FORMAT": "compact",
            "RESTATE_LOG_DISABLE_ANSI_CODES": "true",
            # Small numbers for a small load: it starts in half a second and stays below 200 MB.
            "RESTATE_DEFAULT_NUM_PARTITIONS": "4",
            "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE": "128MB",
        }
        if always_replay:
            environment["RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"] = "0s"
        self.part = Part(
            name="restate",
            command=[
                *(str(restate_server()), "--no-logo", "--node-name", "node"),
                *("--base-dir", str(data)),
            ],
            environment=environment,
            log=directory / "logs" / "restate.log",
            ready=[f"{self.admin_url}/health", f"{self.ingress_url}/restate/health"],
        )
        # A call waits for its handler, which may wait for a callback.
        self.ingress = httpx.Client(base_url=self.ingress_url, trust_env=False, timeout=60)
        self.admin = httpx.Client(base_url=self.admin_url, trust_env=False, timeout=30)

    def start(self) -> None:
        """Start it without waiting for it."""
        self.part.start()

    def wait_ready(self) -> None:
        """Return when it takes calls and its partitions have leaders."""
        self.part.wait_ready()
        # Its health says yes a moment before the partitions can be asked.
        deadline = time.monotonic() + READY_SECONDS
        while self.admin.post("/query", json=_PROBE).status_code != 200:
            if time.monotonic() > deadline:
                raise StackError(f"Restate's partitions have no leaders: see {self.part.log}")
            time.sleep(0.02)

    def register(self, uri: str) -> list[str]:
        """Register the services behind an address (`http://127.0.0.1:9080`); their names."""
        answer = self.admin.post("/deployments", json={"uri": uri, "force": True})
        answer.raise_for_status()
        return [service["name"] for service in answer.json()["services"]]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows that Restate's own tables hold for an SQL query (`sys_journal`, `state`, …)."""
        answer = self.admin.post("/query", json={"query": sql}, headers={"accept": "application/json"})
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    def stop(self) -> None:
        """End the server and close the clients."""
        self.part.stop()
        self.close()

    def close(self) -> None:
        """Close the clients."""
        self.ingress.close()
        self.admin.close()
