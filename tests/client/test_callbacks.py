"""Setting the client up: the environment, binding services, and what importing it brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from restate import Service, VirtualObject, Workflow

from gateway.client import Callbacks
from gateway.client.callback import Issued

SERVER_ONLY = ("fastapi", "starlette", "sqlalchemy", "uvicorn", "alembic", "pyreqwest", "jiter", "structlog")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_URL", "GATEWAY_TOKEN", "GATEWAY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GATEWAY_URL", "http://gateway:8001")


def test_a_token_comes_from_the_environment_or_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", "a-token")
    Callbacks.from_env()
    monkeypatch.delenv("GATEWAY_TOKEN")
    (tmp_path / "token").write_text("a-token\n")
    monkeypatch.setenv("GATEWAY_TOKEN_FILE", str(tmp_path / "token"))
    Callbacks.from_env()


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="GATEWAY_TOKEN_FILE"):
        Callbacks.from_env()
    monkeypatch.setenv("GATEWAY_TOKEN", "a-token")
    monkeypatch.setenv("GATEWAY_TOKEN_FILE", str(tmp_path))
    with pytest.raises(ValueError, match="one of"):
        Callbacks.from_env()
    monkeypatch.delenv("GATEWAY_URL")
    with pytest.raises(ValueError, match="GATEWAY_URL"):
        Callbacks.from_env()


def test_binding_adds_the_handler_to_workflows_and_the_inbox_to_the_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", "a-token")
    service, thing, workflow = Service("S"), VirtualObject("O"), Workflow("W")
    callbacks = Callbacks.from_env(inbox="TheirInbox")
    *bound, inbox = callbacks.bind(service, thing, workflow)
    assert bound == [service, thing, workflow]
    assert isinstance(inbox, VirtualObject)
    assert (inbox.name, sorted(inbox.handlers)) == ("TheirInbox", ["ask", "deliver", "forget"])
    assert [*workflow.handlers] == ["gateway_callback"]
    assert callbacks.bind(workflow) == [workflow, inbox]


def test_an_issued_callback_shows_no_url() -> None:
    issued = Issued(id="cb_1", url="http://h/c/secret", reference="secret", urls={"ann": "http://h/a/secret"})
    assert "secret" not in repr(issued)


def test_importing_the_client_brings_no_part_of_the_server() -> None:
    code = f"import sys, gateway.client; print([m for m in {SERVER_ONLY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
