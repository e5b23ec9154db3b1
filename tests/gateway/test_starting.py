"""A gateway loads what it serves with; what few need, once it is needed: starts and memory show it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.ledger.sqlite import SqliteLedger
from stack.part import Part
from stack.ports import free_ports

_TOML = """\
public_url = "http://{public}"
[listen]
public = "{public}"
internal = "{internal}"
[sources.stripe]
provider = "stripe"
secrets = ["whsec_0123456789abcdef0123456789abcdef"]
"""
_SCRIPT = """\
import atexit, json, sys
from gateway.cli import main
atexit.register(lambda: print(json.dumps(list(sys.modules))))
main()
"""
#: By module, what it is loaded for.
NOT_NEEDED = {
    "alembic": "a ledger that lacks a migration",
    "sqlalchemy": "the same",
    "psycopg": "a ledger in PostgreSQL",
    "httpx": "a question to Restate",
    "httpcore": "the same",
    "pyreqwest": "a fetch of a key or a certificate",
    "jinja2": "a page for an approval",
    "jwt": "a source whose provider sends tokens",
    "cryptography.x509": "a source whose provider signs with a certificate",
    "cryptography.hazmat.primitives.asymmetric.ec": "a source whose provider signs with a key pair",
    "cryptography.hazmat.primitives.asymmetric.rsa": "the same",
    "opentelemetry.sdk": "traces",
    "opentelemetry.exporter": "the same",
    "python_multipart": "forms in the internal API, which takes JSON",
    "email_validator": "addresses, of which it takes none",
    "gateway.client": "a service that waits",
    "restate": "the same",
    "gateway.sending": "gateway send",
    "gateway.testing": "a service's tests",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that a gateway has loaded from its start to its end, with a ledger that was there."""
    folder = tmp_path_factory.mktemp("starting")
    public, internal = (f"127.0.0.1:{port}" for port in free_ports(2))
    config = folder / "gateway.toml"
    config.write_text(_TOML.format(public=public, internal=internal))
    SqliteLedger(folder / "gateway.db").close()
    arguments = ["--config", str(config)]
    subprocess.run([sys.executable, "-m", "gateway", "keys", "init", *arguments], check=True, timeout=60)
    part = Part(
        name="gateway",
        command=[sys.executable, "-c", _SCRIPT, "serve", *arguments],
        environment={},
        log=folder / "log",
        ready=[f"http://{public}/livez", f"http://{internal}/readyz"],
    )
    part.start()
    try:
        part.wait_ready()
    finally:
        assert part.stop() in (0, -signal.SIGTERM)
    return _last_line(part.log)


def _last_line(log: Path) -> set[str]:
    return set(json.loads(log.read_text().splitlines()[-1]))


@pytest.mark.parametrize("module", NOT_NEEDED)
def test_a_gateway_with_a_stripe_source_does_without(module: str, loaded: set[str]) -> None:
    assert module not in loaded, f"it is for {NOT_NEEDED[module]}"


def test_it_loads_no_other_command(loaded: set[str]) -> None:
    commands = {module for module in loaded if module.startswith("gateway.cli.")}
    assert commands == {"gateway.cli.serve"}


def test_what_is_watched_for_is_what_there_is(loaded: set[str]) -> None:
    assert {"gateway.app", "fastapi", "gateway.providers.stripe"} <= loaded
