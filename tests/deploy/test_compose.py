"""The compose file starts what it says and opens nothing but the public listener."""

from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import settings
from stack.binary import VERSION
from stack.part import ROOT

DEPLOY = ROOT / "deploy"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> Document:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def test_only_the_gateways_public_listener_is_published(compose: Document) -> None:
    published = {name: part["ports"] for name, part in compose["services"].items() if "ports" in part}
    assert published == {"gateway": ["8000:8000"]}
    assert not any("host" in part.get("network_mode", "") for part in compose["services"].values())
    assert compose["networks"]["inside"] == {"internal": True}
    assert compose["services"]["restate"]["networks"] == ["inside"]


def test_every_command_is_in_exec_form(compose: Document) -> None:
    for part in compose["services"].values():
        for name in ("command", "entrypoint"):
            assert isinstance(part.get(name, []), list)
        assert part.get("healthcheck", {"test": ["CMD"]})["test"][0] == "CMD"


def test_every_file_that_it_names_exists(compose: Document) -> None:
    for part in compose["services"].values():
        if "build" in part:
            assert (DEPLOY / part["build"]["context"] / "Dockerfile").exists()
        for file in part.get("env_file", []):
            assert (DEPLOY / file).exists()
        for volume in part.get("volumes", []):
            place = volume.partition(":")[0]
            assert place in compose["volumes"] or (DEPLOY / place).exists()


def test_every_target_network_secret_and_dependency_that_it_names_is_there(compose: Document) -> None:
    stages = [line.split()[-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if " AS " in line]
    for part in compose["services"].values():
        assert part.get("build", {"target": "gateway"})["target"] in stages
        assert set(part.get("networks", [])) <= set(compose["networks"])
        assert set(part.get("secrets", [])) <= set(compose["secrets"])
        assert set(part.get("depends_on", {})) <= set(compose["services"])


def test_restate_is_the_version_that_the_tests_run(compose: Document) -> None:
    images = {part["image"] for part in compose["services"].values() if "image" in part}
    assert images == {f"restatedev/restate:{VERSION}"}


def test_the_secrets_are_made_once_and_never_committed(compose: Document, tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "secrets.sh", tmp_path)
    script = ["sh", str(tmp_path / "secrets.sh")]
    first = subprocess.run(script, capture_output=True, text=True, check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run(script, capture_output=True, check=True)

    assert set(made) == {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    digest = hashlib.sha256(made["client-token"].encode()).hexdigest()
    assert (tmp_path / ".env").read_text() == f"TOKEN_SHA256={digest}\n"
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert not any(secret in first.stdout + first.stderr for secret in made.values())
    assert {"secrets/", ".env"} <= set((DEPLOY / ".gitignore").read_text().split())


def test_the_gateway_takes_its_settings(compose: Document) -> None:
    given: dict[str, str] = compose["services"]["gateway"]["environment"]
    environ = {"GATEWAY_PUBLIC_URL": "https://hooks.example.com"}
    environ["GATEWAY_CLIENTS__SERVICES__TOKEN_SHA256"] = "0" * 64
    loaded = settings.load(DEPLOY / "gateway.toml", environ)

    assert set(given) == set(environ)
    assert loaded.public_url == "https://hooks.example.com"
    assert loaded.clients["services"].token_sha256 == ("0" * 64,)
    files = [secret.get_secret_value() for source in loaded.sources.values() for secret in source.secrets]
    assert {Path(file).name for file in files} == set(compose["services"]["gateway"]["secrets"])
