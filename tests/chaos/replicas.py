"""Three gateways that share one PostgreSQL, in front of three Restate nodes: the world of `make chaos`."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from stack import config
from stack.cluster import Cluster
from stack.part import ROOT, Part, clean_environment
from stack.ports import free_ports
from stack.postgres import Postgres
from stack.proxy import Fault, Proxy
from tests.chaos.checker import STALL
from tests.chaos.play import Break, World, registration_address

REPLICAS = 3
#: How long something stays broken.
BROKEN_SECONDS = 2.0
#: A hung machine: longer than any timeout inside the cluster.
STOPPED_NODE_SECONDS = 30.0


class Replicas:
    """All parts, started and stopped together."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory / "restate", always_replay=False)
        self.postgres = Postgres()
        self.proxies = [Proxy(node.ingress_url) for node in self.cluster.nodes]
        self.registrations = registration_address()
        ports = free_ports(2 * REPLICAS + 1)
        addresses = [f"127.0.0.1:{port}" for port in ports]
        self.publics, self.internals = addresses[:REPLICAS], addresses[REPLICAS:-1]
        self.service_url = f"http://{addresses[-1]}"
        first = config.Addresses(
            self.publics[0], self.internals[0], self.proxies[0].url, self.cluster.nodes[0].admin_url
        )
        self.files = config.write(directory / "config", first)
        ingresses = ",".join(proxy.url for proxy in self.proxies)
        self.gateways = [
            Part(
                name=f"gateway {number}",
                command=[sys.executable, "-m", "gateway", "serve", "--config", str(self.files.gateway_toml)],
                environment={
                    "GATEWAY_LISTEN__PUBLIC": public,
                    "GATEWAY_LISTEN__INTERNAL": internal,
                    "GATEWAY_RESTATE__INGRESS_URLS": ingresses,
                },
                log=directory / "logs" / f"gateway-{number}.log",
                ready=[f"http://{internal}/livez", f"http://{public}/livez"],
            )
            for number, (public, internal) in enumerate(zip(self.publics, self.internals, strict=True), 1)
        ]
        self.service = Part(
            name="chaos-service",
            command=[sys.executable, "-m", "tests.chaos.service", "--bind", addresses[-1]],
            environment={
                # Issuing goes to one replica and is tried again while that one is away.
                "GATEWAY_URL": f"http://{self.internals[0]}",
                "GATEWAY_TOKEN_FILE": str(self.files.client_token),
                "PROVIDER_URL": f"http://{self.registrations}/register",
            },
            log=directory / "logs" / "service.log",
            ready=[f"{self.service_url}/health"],
        )

    def start(self) -> None:
        """Start everything and wait until it is ready."""
        self.postgres.start()
        url = self.postgres.url(self.postgres.new_database())
        for gateway in self.gateways:
            gateway.environment = {**gateway.environment, "GATEWAY_LEDGER__URL": url}
        self.service.start()
        keys = ["keys", "init", "--config", str(self.files.gateway_toml)]
        command = [sys.executable, "-m", "gateway", *keys]
        subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, stdout=subprocess.DEVNULL)
        self.service.wait_ready()
        self.cluster.start()
        self.cluster.register(self.service_url)
        for proxy in self.proxies:
            proxy.start()
        for gateway in self.gateways:
            gateway.start()
        for gateway in self.gateways:
            gateway.wait_ready()

    def stop(self) -> None:
        """End everything."""
        for gateway in self.gateways:
            gateway.terminate()
        for gateway in self.gateways:
            gateway.join()
        for proxy in self.proxies:
            proxy.stop()
        self.service.kill()
        self.cluster.stop()
        self.postgres.stop()

    @property
    def world(self) -> World:
        """The world that a run plays in."""
        return World(
            gateways=[f"http://{public}" for public in self.publics],
            apis=[f"http://{internal}" for internal in self.internals],
            client_token=self.files.client_token.read_text(),
            secret=self.files.acmepay_secret.read_text(),
            ingresses=[node.ingress_url for node in self.cluster.nodes],
            registrations=self.registrations,
            faults=self._faults(),
        )

    def _faults(self) -> dict[str, dict[str, Break]]:
        async def kill_gateway() -> None:
            gateway = random.choice(self.gateways)
            await asyncio.to_thread(gateway.kill)
            await asyncio.to_thread(gateway.start)
            await asyncio.to_thread(gateway.wait_ready)

        async def freeze_gateway() -> None:
            await _freeze(random.choice(self.gateways), BROKEN_SECONDS)

        async def kill_node() -> None:
            node = random.choice(self.cluster.nodes).part
            await asyncio.to_thread(node.kill)
            await asyncio.sleep(BROKEN_SECONDS)
            await asyncio.to_thread(node.start)
            await asyncio.to_thread(node.wait_ready)

        async def freeze_node() -> None:
            await _freeze(random.choice(self.cluster.nodes).part, STOPPED_NODE_SECONDS)

        async def freeze_postgres() -> None:
            self.postgres.freeze()
            await asyncio.sleep(BROKEN_SECONDS)
            self.postgres.thaw()

        async def kill_postgres() -> None:
            await asyncio.to_thread(self.postgres.kill)
            await asyncio.to_thread(self.postgres.start)

        return {
            "gateway": {"gateway killed": kill_gateway, STALL: freeze_gateway},
            "restate": {"restate node killed": kill_node, "restate node stopped": freeze_node},
            "postgresql": {"postgresql stopped": freeze_postgres, "postgresql killed": kill_postgres},
            "ingress": {
                f"ingress {fault}": partial(self._ingress, fault)
                for fault in (Fault.REFUSED, Fault.CUT, Fault.TORN, Fault.BLACK_HOLE)
            },
        }

    async def _ingress(self, fault: Fault) -> None:
        """One way into Restate fails, or all of them do."""
        for proxy in self.proxies[: random.choice((1, len(self.proxies)))]:
            proxy.inject(fault)
        await asyncio.sleep(BROKEN_SECONDS)
        for proxy in self.proxies:
            proxy.heal()


async def _freeze(part: Part, seconds: float) -> None:
    pid = part.pid
    if pid is None:
        return
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
