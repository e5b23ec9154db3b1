"""A gateway whose sources have their secrets in files, and whose clients come and go."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.command import Ended, run
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway

#: What is changed is taken up within two seconds; a busy machine gets more.
SECONDS = 10.0


class Office(RunningGateway):
    """A running gateway with a configuration of one's own after the usual one, and its command line."""

    def __init__(self, directory: Path, ingress_urls: list[str], more: str = "", **options: Any) -> None:
        super().__init__(directory, ingress_urls, **options)
        self._clients: list[httpx.Client] = []
        with (directory / "gateway.toml").open("a") as config:
            config.write(more)

    @property
    def clients_file(self) -> Path:
        """The clients file."""
        return self.directory / "clients.json"

    def with_token(self, token: str) -> httpx.Client:
        """A client of the internal API with some bearer token."""
        headers = {"authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=self.anonymous.base_url, headers=headers, trust_env=False, timeout=15)
        self._clients.append(client)
        return client

    def stop(self) -> None:
        """End it and close the clients."""
        super().stop()
        for client in self._clients:
            client.close()

    def until(self, condition: Callable[[], object]) -> None:
        """Return when a condition holds."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not within {SECONDS} s; {self.reasons()}"
            time.sleep(0.05)

    def reasons(self) -> list[str]:
        """What is not as it should be."""
        answer = self.anonymous.get("/readyz")
        assert answer.status_code == 200
        reasons: list[str] = answer.json()["reasons"]
        return reasons

    def source(self, name: str) -> dict[str, Any]:
        """What is shown of a source."""
        (found,) = [one for one in self.api.get("/v1/sources").json() if one["name"] == name]
        shown: dict[str, Any] = found
        return shown

    def accepts(self, token: str) -> bool:
        """Whether a bearer token is some client's."""
        headers = {"authorization": f"Bearer {token}"}
        return self.anonymous.get("/v1/keys", headers=headers).status_code == 200

    def cli(self, *arguments: str, code: int = 0, **environ: str) -> Ended:
        """Run a command in its folder; it has to end with this exit code."""
        return run(
            self.directory, *arguments, code=code, **{"GATEWAY_TOKEN": self.tokens["orders"]} | environ
        )

    def file_client(self, name: str, **settings: Any) -> httpx.Client:
        """A client of the clients file with these settings, once the gateway knows it."""
        token = f"token-of-{name}-{os.urandom(8).hex()}"
        tables = json.loads(self.clients_file.read_text())["clients"] if self.clients_file.exists() else {}
        tables[name] = {"token_sha256": [hashlib.sha256(token.encode()).hexdigest()], **settings}
        self.clients_file.write_text(json.dumps({"clients": tables}))
        self.until(lambda: self.accepts(token))
        return self.with_token(token)


StartOffice = Callable[..., Office]


@pytest.fixture
def start(tmp_path: Path, ingress: FakeIngress) -> Iterator[StartOffice]:
    """Start a gateway, with more of a configuration, and files of these names and texts in its folder."""
    started: list[Office] = []

    def starting(more: str = "", files: dict[str, str] | None = None, **options: Any) -> Office:
        office = Office(tmp_path / f"office-{len(started)}", [ingress.url], more, **options)
        started.append(office)
        for name, text in (files or {}).items():
            (office.directory / name).parent.mkdir(exist_ok=True)
            (office.directory / name).write_text(text)
        office.start()
        return office

    yield starting
    for office in started:
        office.stop()
