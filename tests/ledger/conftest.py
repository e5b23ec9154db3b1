"""An empty ledger, once in each store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import Ledger, connect
from gateway.ledger.sqlite import SqliteLedger
from gateway.secret import Secret
from stack.postgres import Postgres


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger's file is."""
    return tmp_path / "gateway.db"


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """A PostgreSQL database with the ledger's tables: a copy is made in a tenth of a second."""
    name = postgres.new_database()
    connect(Secret(postgres.url(name))).close()
    return name


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, path: Path) -> Iterator[Ledger]:
    """An empty ledger: each test that asks for one runs on both stores."""
    if request.param == "sqlite":
        opened: Ledger = SqliteLedger(path)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        name = postgres.new_database(request.getfixturevalue("migrated"))
        opened = connect(Secret(postgres.url(name)))
    yield opened
    opened.close()
