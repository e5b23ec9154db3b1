"""Three Restate nodes on loopback, every role on each: what a user runs who cannot do without Restate."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from stack.binary import restate_server
from stack.errors import StackError
from stack.part import READY_SECONDS, Part
from stack.ports import free_ports

NODES = 3
_PARTITIONS = 4
_REPLICATION = 2
# In Prometheus's text, on the port that the nodes speak to each other on.
_LEADS = re.compile(r"^restate_num_active_partition_leaders\S* (\d+)$", re.MULTILINE)
_HAS = re.compile(r"^restate_num_active_partitions\S* (\d+)$", re.MULTILINE)


class Node:
    """One node: its part, its ingress, and a client of its admin API."""

    def __init__(self, number: int, directory: Path, addresses: list[str], *, always_replay: bool) -> None:
        self.name = f"n{number + 1}"
        ingress, admin = free_ports(2)
        self.ingress_url = f"http://127.0.0.1:{ingress}"
        self.admin_url = f"http://127.0.0.1:{admin}"
        self.data = directory / self.name
        self.data.mkdir(parents=True)
        environment = {
            "TMPDIR": str(self.data),
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_CLUSTER_NAME": "three",
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
            "RESTATE_BIND_ADDRESS": addresses[number].removeprefix("http://"),
            "RESTATE_ADVERTISED_ADDRESS": addresses[number],
            "RESTATE_METADATA_CLIENT__ADDRESSES": json.dumps(addresses),
            "RESTATE_DEFAULT_REPLICATION": str(_REPLICATION),
            "RESTATE_DEFAULT_NUM_PARTITIONS": str(_PARTITIONS),
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FORMAT": "compact",
            "RESTATE_LOG_DISABLE_ANSI_CODES": "true",
            "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE": "256MB",
        }
        if always_replay:
            environment["RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"] = "0s"
        # One makes the cluster, the others join it.
        provision = "true" if number == 0 else "false"
        self.part = Part(
            name=f"restate {self.name}",
            command=[
                *(str(restate_server()), "--no-logo", "--node-name", self.name),
                *("--base-dir", str(self.data), "--auto-provision", provision),
            ],
            environment=environment,
            log=directory / "logs" / f"{self.name}.log",
            ready=[f"{self.admin_url}/health", f"{self.ingress_url}/restate/health"],
        )
        self.admin = httpx.Client(base_url=self.admin_url, trust_env=False, timeout=10)
        self._metrics = httpx.Client(base_url=addresses[number], trust_env=False, timeout=2)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of an SQL query over Restate's own tables."""
        answer = self.admin.post("/query", json={"query": sql}, headers={"accept": "application/json"})
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    def leads(self) -> int:
        """How many partitions it leads."""
        return self._metric(_LEADS)

    def has(self) -> int:
        """Of how many partitions it has a copy that runs."""
        return self._metric(_HAS)

    def _metric(self, pattern: re.Pattern[str]) -> int:
        found = pattern.search(self._metrics.get("/metrics").text)
        return int(found[1]) if found else 0

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside the `with` block it stands still, with SIGSTOP: to others it looks like a hung machine."""
        pid = self.part.pid
        assert pid is not None, f"{self.name} does not run"
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def close(self) -> None:
        """Close the clients."""
        self.admin.close()
        self._metrics.close()


class Cluster:
    """Three nodes that keep everything twice: any one of them may be lost."""

    def __init__(self, directory: Path, *, always_replay: bool = False) -> None:
        addresses = [f"http://127.0.0.1:{port}" for port in free_ports(NODES)]
        self.nodes = [
            Node(number, directory, addresses, always_replay=always_replay) for number in range(NODES)
        ]
        self.ingress_urls = [node.ingress_url for node in self.nodes]

    def start(self) -> None:
        """Start all nodes and wait until each partition has a leader and its copies."""
        for node in self.nodes:
            node.part.start()
        for node in self.nodes:
            node.part.wait_ready()
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_whole():
            if time.monotonic() > deadline:
                raise StackError(f"the partitions have no leaders and copies: see {self.nodes[0].part.log}")
            time.sleep(0.1)

    def _is_whole(self) -> bool:
        copies = sum(node.has() for node in self.nodes)
        leaders = sum(node.leads() for node in self.nodes)
        if copies < _PARTITIONS * _REPLICATION or leaders < _PARTITIONS:
            return False
        try:
            return bool(self.nodes[0].query("select count(*) from sys_invocation"))
        except httpx.HTTPStatusError:
            return False

    def leader(self) -> Node:
        """The node that leads most partitions."""
        return max((node for node in self.nodes if node.part.pid is not None), key=Node.leads)

    def register(self, uri: str) -> None:
        """Register the services behind an address (`http://127.0.0.1:9080`)."""
        answer = self.nodes[0].admin.post("/deployments", json={"uri": uri, "force": True})
        answer.raise_for_status()

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of an SQL query, from the first node that answers it."""
        for node in self.nodes:
            try:
                return node.query(sql)
            except httpx.HTTPError:
                continue
        raise StackError("no node of the cluster answers a query")

    def stop(self) -> None:
        """End all nodes and drop what they kept, hundreds of megabytes; the logs stay."""
        for node in self.nodes:
            node.part.terminate()
        for node in self.nodes:
            node.part.join()
            node.close()
            shutil.rmtree(node.data, ignore_errors=True)
