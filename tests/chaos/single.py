"""One gateway with an SQLite ledger, one Restate, and a proxy between: the smallest world to break."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from stack import config
from stack.part import ROOT, Part, clean_environment
from stack.ports import free_ports
from stack.proxy import Fault, Proxy
from stack.restate import Restate
from tests.chaos.play import World, registration_address


class Single:
    """The parts, without a gateway: `gateway` runs one."""

    def __init__(self, directory: Path) -> None:
        self.restate = Restate(directory, always_replay=False)
        self.proxy = Proxy(self.restate.ingress_url)
        public, internal, services = (f"127.0.0.1:{port}" for port in free_ports(3))
        self.public, self.internal, self.service_url = (f"http://{a}" for a in (public, internal, services))
        self.directory = directory
        self.registrations = registration_address()
        addresses = config.Addresses(public, internal, self.proxy.url, self.restate.admin_url)
        self.files = config.write(directory / "config", addresses)
        self.service = Part(
            name="chaos-service",
            command=[sys.executable, "-m", "tests.chaos.service", "--bind", services],
            environment={
                "GATEWAY_URL": self.internal,
                "GATEWAY_TOKEN_FILE": str(self.files.client_token),
                "PROVIDER_URL": f"http://{self.registrations}/register",
            },
            log=directory / "logs" / "service.log",
            ready=[f"{self.service_url}/health"],
        )

    def start(self) -> None:
        """Start everything but the gateway."""
        self.restate.start()
        self.service.start()
        keys = ["keys", "init", "--config", str(self.files.gateway_toml)]
        command = [sys.executable, "-m", "gateway", *keys]
        subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, stdout=subprocess.DEVNULL)
        self.restate.wait_ready()
        self.service.wait_ready()
        self.proxy.start()
        self.restate.register(self.service_url)

    def stop(self) -> None:
        """End everything."""
        self.proxy.stop()
        # hypercorn would wait for calls that are never answered.
        self.service.kill()
        self.restate.stop()

    @contextmanager
    def gateway(self, *program: str) -> Iterator[Part]:
        """A gateway, started as `python -m` and these words."""
        part = Part(
            name="gateway",
            command=[sys.executable, "-m", *program, "serve", "--config", str(self.files.gateway_toml)],
            environment={},
            log=self.directory / "logs" / "gateway.log",
            ready=[f"{self.internal}/livez", f"{self.public}/livez"],
        )
        part.start()
        part.wait_ready()
        try:
            yield part
        finally:
            part.kill()

    def world(self, gateway: Part, *faults: str) -> World:
        """The world around a gateway, with some of its faults (all where none is named)."""

        async def refuse() -> None:
            self.proxy.inject(Fault.REFUSED)
            await asyncio.sleep(1.5)
            self.proxy.heal()

        async def cut() -> None:
            self.proxy.inject(Fault.CUT)
            await asyncio.sleep(1)
            self.proxy.heal()

        async def black_hole() -> None:
            self.proxy.inject(Fault.BLACK_HOLE)
            await asyncio.sleep(4)
            self.proxy.heal()

        async def kill() -> None:
            await asyncio.to_thread(gateway.kill)
            await asyncio.to_thread(_start_again, gateway)

        async def kill_while_refused() -> None:
            self.proxy.inject(Fault.REFUSED)
            await asyncio.sleep(0.7)
            await kill()
            self.proxy.heal()

        async def lock_the_ledger() -> None:
            ledger = self.files.gateway_toml.parent / "gateway.db"
            with closing(sqlite3.connect(ledger, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await asyncio.sleep(1)

        every = {
            "restate refused": refuse,
            "answers cut": cut,
            "black hole": black_hole,
            "gateway killed": kill,
            "gateway killed while restate is away": kill_while_refused,
            "ledger locked": lock_the_ledger,
        }
        return World(
            gateways=[self.public],
            apis=[self.internal],
            client_token=self.files.client_token.read_text(),
            secret=self.files.acmepay_secret.read_text(),
            ingresses=[self.restate.ingress_url],
            registrations=self.registrations,
            faults={"all": {name: every[name] for name in faults or every}},
        )


def _start_again(gateway: Part) -> None:
    gateway.start()
    gateway.wait_ready()
