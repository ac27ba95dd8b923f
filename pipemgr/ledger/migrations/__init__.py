"""Migrations: bring a database to the schema that this version of pipemgr works with."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from pipemgr.errors import LedgerError, SchemaTooOld

HEAD = "m003"
"""The revision this version works with; a test compares it with the newest migration."""
VERSION_TABLE = "pipemgr_version"
HERE = Path(__file__).parent
_MIGRATE_LOCK = 0x70697068


def revision(engine: sa.Engine) -> str | None:
    """The revision a database is at; None when it has none of pipemgr's tables."""
    try:
        with engine.connect() as connection:
            return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own name
    except (exc.OperationalError, exc.ProgrammingError, LedgerError):
        if _has_versions(engine):
            raise
        return None


def _has_versions(engine: sa.Engine) -> bool:
    return sa.inspect(engine).has_table(VERSION_TABLE)


def migrate(engine: sa.Engine) -> None:
    """Create what is missing; several processes may try at once, one does it and the others wait.

    Raises `SchemaTooOld` when a newer pipemgr has been here.
    """
    import alembic.command
    import alembic.config
    import alembic.util

    config = alembic.config.Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.connect().execution_options(write=True, durable=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATE_LOCK)))
        config.attributes["connection"] = connection
        try:
            alembic.command.upgrade(config, HEAD)
        except alembic.util.CommandError:
            raise too_new() from None


def too_new() -> SchemaTooOld:
    """The error for a database that this version does not know."""
    return SchemaTooOld("the ledger was made by another version of pipemgr", remedy="upgrade pipemgr")
