"""Bringing a ledger's schema up to date, with Alembic, at start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway.errors import ConfigurationError

#: The newest migration. A ledger that is there already needs no Alembic, whose import costs 0.2 s.
HEAD = "0001"


def migrate(path: Path) -> None:
    """
    Apply the migrations that the SQLite file lacks.

    Raises `ConfigurationError` for a file of a newer gateway: its data would be misread.
    """
    found = _version(path)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise ConfigurationError(
            f"ledger.url: {path} was written by a newer gateway (schema {found}, this one knows {HEAD}); "
            "start that version, or restore a backup from before the upgrade"
        )
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError

    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            # The sqlite3 module begins none for CREATE TABLE: a start that is cut off would leave half.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise ConfigurationError(f"ledger.url: {path}: {error.orig}") from None
    finally:
        engine.dispose()


def _version(path: Path) -> str | None:
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return str(row[0]) if row else None
