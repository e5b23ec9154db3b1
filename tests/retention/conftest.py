"""A ledger of the test's own: an SQLite file, or either of the two stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import Ledger
from gateway.ledger.postgres import PostgresLedger
from gateway.ledger.sqlite import SqliteLedger
from gateway.secret import Secret


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger's file is."""
    return tmp_path / "gateway.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    """An empty ledger in a file."""
    opened = SqliteLedger(path)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """An empty ledger in a file, and one in a database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("ledger")
        return
    opened = PostgresLedger(Secret(request.getfixturevalue("database")))
    yield opened
    opened.close()
