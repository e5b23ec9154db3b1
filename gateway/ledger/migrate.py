"""Bringing a ledger's schema up to date, with Alembic, at start."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Engine

#: The newest migration. A ledger that is there already needs no Alembic, whose import costs 0.2 s.
HEAD = "0001"
#: Held while a PostgreSQL database is migrated: of several replicas that start at once one does it.
_LOCK = 0x7768_0002


def migrate(path: Path) -> None:
    """
    Apply the migrations that the SQLite file lacks.

    Raises `ConfigurationError` for a file of a newer gateway: its data would be misread.
    """
    if _is_current(_version(path), str(path)):
        return
    from sqlalchemy import create_engine

    # The sqlite3 module begins none for CREATE TABLE: a start that is cut off would leave half.
    _upgrade(create_engine(f"sqlite:///{path}"), "BEGIN IMMEDIATE", str(path))


def migrate_postgres(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    """
    Apply the migrations that the PostgreSQL database lacks; several replicas may do so at once.

    Raises `ConfigurationError` for a database of a newer gateway, and where they can't be applied.
    """
    connection = connect()
    where = f"the database {connection.info.dbname}"
    try:
        (table,) = connection.execute("SELECT to_regclass('alembic_version')").fetchone() or (None,)
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if table else None
    finally:
        connection.close()
    if _is_current(str(row[0]) if row else None, where):
        return
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    _upgrade(engine, f"SELECT pg_advisory_xact_lock({_LOCK})", where)


def _is_current(found: str | None, where: str) -> bool:
    if found is not None and found > HEAD:
        raise ConfigurationError(
            f"ledger.url: {where} was written by a newer gateway (schema {found}, this one knows {HEAD}); "
            "start that version, or restore a backup from before the upgrade"
        )
    return found == HEAD


def _upgrade(engine: Engine, first: str, where: str) -> None:
    """Apply in one transaction, after a statement, what is lacking then."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy.exc import DBAPIError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(first)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise ConfigurationError(f"ledger.url: {where}: {error.orig}") from None
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
