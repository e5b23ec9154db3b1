"""Everything together: Restate, the services, the gateway and the outside world, wired and ready."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from stack import config
from stack.errors import StackError
from stack.part import ROOT, Part, clean_environment
from stack.ports import free_ports
from stack.restate import Restate


class Stack:
    """
    The parts, their addresses, and a client for each.

    `restate.ingress` starts invocations, `gateway_api` speaks the gateway's internal API as the client
    `demo`, `public` its public listener, `world` the simulated outside world. `gateway` and `services`
    can be killed and started again by themselves.
    """

    def __init__(self, directory: Path, *, always_replay: bool = True) -> None:
        self.directory = directory
        self.restate = Restate(directory, always_replay=always_replay)
        public, internal, services, simulator = (f"127.0.0.1:{port}" for port in free_ports(4))
        self.public_url = f"http://{public}"
        self.internal_url = f"http://{internal}"
        self.services_url = f"http://{services}"
        self.simulator_url = f"http://{simulator}"
        self.files = config.write(
            directory / "config",
            config.Addresses(public, internal, self.restate.ingress_url, self.restate.admin_url),
        )
        self.gateway = self._part(
            "gateway",
            ["serve", "--config", str(self.files.gateway_toml)],
            {},
            [f"{self.internal_url}/readyz", f"{self.public_url}/livez"],
        )
        self.services = self._part(
            "services",
            ["--bind", services],
            {
                "GATEWAY_URL": self.internal_url,
                "GATEWAY_TOKEN_FILE": str(self.files.client_token),
                "ACMEPAY_URL": self.simulator_url,
                "IDCHECK_URL": self.simulator_url,
                "MAILER_URL": self.simulator_url,
            },
            [f"{self.services_url}/health"],
        )
        self.simulator = self._part(
            "simulator",
            ["--port", simulator.rpartition(":")[2]],
            {
                "ACMEPAY_SECRET_FILE": str(self.files.acmepay_secret),
                "IDCHECK_SECRET_FILE": str(self.files.idcheck_secret),
            },
            [f"{self.simulator_url}/livez"],
        )
        bearer = {"Authorization": f"Bearer {self.files.client_token.read_text()}"}
        self.gateway_api = httpx.Client(
            base_url=self.internal_url, headers=bearer, trust_env=False, timeout=30
        )
        self.public = httpx.Client(base_url=self.public_url, trust_env=False, timeout=30)
        self.world = httpx.Client(base_url=self.simulator_url, trust_env=False, timeout=60)

    def _part(self, module: str, arguments: list[str], environment: dict[str, str], ready: list[str]) -> Part:
        return Part(
            name=module,
            command=[sys.executable, "-m", module, *arguments],
            environment=environment,
            log=self.directory / "logs" / f"{module}.log",
            ready=ready,
        )

    def start(self) -> None:
        """Start everything at once, wait until it is ready, and register the services."""
        self.restate.start()
        self.simulator.start()
        self.services.start()
        self.keys("init")
        self.gateway.start()
        self.restate.wait_ready()
        self.simulator.wait_ready()
        self.services.wait_ready()
        self.restate.register(self.services_url)
        self.gateway.wait_ready()

    def keys(self, *arguments: str) -> str:
        """Run `gateway keys …` on this gateway's key file, as ops would; what it printed."""
        command = [sys.executable, "-m", "gateway", "keys", *arguments]
        command += ["--config", str(self.files.gateway_toml)]
        environment = clean_environment()
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise StackError(f"gateway keys {' '.join(arguments)} failed:\n{done.stderr or done.stdout}")
        return done.stdout

    def stop(self) -> None:
        """End everything and close the clients."""
        parts = (self.gateway, self.services, self.simulator, self.restate.part)
        for part in parts:
            part.terminate()
        for part in parts:
            part.join()
        self.restate.close()
        for client in (self.gateway_api, self.public, self.world):
            client.close()


@contextmanager
def running(directory: Path, *, always_replay: bool = True) -> Iterator[Stack]:
    """A stack that runs inside the `with` block; its data stay in the directory."""
    stack = Stack(directory, always_replay=always_replay)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
