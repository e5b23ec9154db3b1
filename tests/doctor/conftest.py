"""A gateway behind a proxy that alters what it is told to, and the doctor that examines it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli import command
from tests.doctor.proxy import AlteringProxy
from tests.gateway.ingress import Call, FakeIngress, Reaction
from tests.gateway.process import RunningGateway

_OPS = """
[clients.ops]
token_sha256 = "{digest}"
ops = true
"""


def healthy(call: Call, version: str = "1.7.12") -> Reaction:
    """What Restate answers to those who ask how it is, as ingress and as admin API."""
    if call.path == "/restate/health":
        return Reaction(200, body=b'{"services":[]}')
    if call.path == "/version":
        return Reaction(200, body=json.dumps({"version": version, "min_admin_api_version": 2}).encode())
    return Reaction()


@dataclass
class Clinic:
    """
    The parts. `clear` makes the proxy pass everything on and Restate healthy; `examine` runs the doctor and
    gives what it found that is not ok.
    """

    gateway: RunningGateway
    proxy: AlteringProxy
    ingress: FakeIngress
    token: str

    def clear(self) -> None:
        """Nothing is altered, everything is well."""
        self.proxy.clear()
        self.ingress.react = healthy

    def doctor(self, *arguments: str, code: int = 0, token: str = "") -> command.Ended:
        """Run `gateway doctor`."""
        return command.run(
            self.gateway.directory, "doctor", *arguments, code=code, GATEWAY_TOKEN=token or self.token
        )

    def examine(self, code: int = 1) -> dict[str, list[dict[str, Any]]]:
        """What is not ok, by what was looked at."""
        found: dict[str, list[dict[str, Any]]] = {}
        for one in json.loads(self.doctor("--json", code=code).stdout):
            if one["level"] != "ok":
                found.setdefault(one["check"], []).append(one)
        return found


@contextmanager
def opened(directory: Path, prefix: str = "") -> Iterator[Clinic]:
    """A gateway behind a proxy; `prefix` is that of the public URL."""
    ingress, proxy = FakeIngress(), AlteringProxy()
    gateway = RunningGateway(directory, [ingress.url])
    token = secrets.token_urlsafe(32)
    config = gateway.directory / "gateway.toml"
    text = config.read_text().replace(json.dumps(gateway.public_url), json.dumps(proxy.url + prefix))
    text = text.replace("[ledger]", f"admin_url = {json.dumps(ingress.url)}\n[ledger]")
    config.write_text(text + _OPS.format(digest=hashlib.sha256(token.encode()).hexdigest()))
    gateway.public_url = proxy.url + prefix
    proxy.target = gateway.address
    ingress.start()
    proxy.start()
    clinic = Clinic(gateway, proxy, ingress, token)
    clinic.clear()
    try:
        gateway.start()
        yield clinic
    finally:
        gateway.stop()
        proxy.stop()
        ingress.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A gateway behind a proxy that a module's tests have one after the other."""
    with opened(tmp_path_factory.mktemp("doctor")) as clinic:
        yield clinic


@pytest.fixture
def clinic(shared: Clinic) -> Clinic:
    """All as good as new."""
    shared.clear()
    return shared
