"""Ledgers, gateways and replicas to rotate keys of, and the command line in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.conftest import own_gateway, own_ingress, start_gateway  # noqa: F401  # fixtures
from tests.keys.command import Keys
from tests.ledger.conftest import ledger, migrated, path  # noqa: F401  # fixtures
from tests.replicas.conftest import replicas, start  # noqa: F401  # fixtures


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """`gateway keys` in a folder with a configuration and a first key."""
    folder = tmp_path / "ops"
    folder.mkdir()
    (folder / "gateway.toml").write_text('public_url = "https://hooks.example.com"\n')
    made = Keys(folder / "gateway.toml")
    made("init")
    return made
