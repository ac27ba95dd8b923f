"""Migrations: they lead to the schema that the tables describe, on both databases."""

import alembic.config
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_upgrade,
)

from pipemgr.errors import LedgerError
from pipemgr.ledger.engine import open_engine
from pipemgr.ledger.migrations import HEAD, HERE, VERSION_TABLE, migrate, revision
from pipemgr.ledger.tables import APPEND_ONLY, metadata

__all__ = ["test_model_definitions_match_ddl", "test_single_head_revision", "test_upgrade"]

# Of an index on an expression SQLite tells nothing that could be compared; PostgreSQL does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index"),
]


@pytest.fixture
def alembic_config():
    return {"script_location": str(HERE), "path_separator": "os"}


@pytest.fixture
def alembic_engine(url):
    engine = open_engine(url)
    yield engine
    engine.dispose()


def test_the_head_is_the_newest_migration():
    config = alembic.config.Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrated_schema_is_the_described_one(alembic_engine):
    assert revision(alembic_engine) is None
    migrate(alembic_engine)
    assert revision(alembic_engine) == HEAD
    with alembic_engine.connect() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    found = set(sa.inspect(alembic_engine).get_table_names())
    assert found == {*metadata.tables, VERSION_TABLE}


def test_migrating_twice_changes_nothing(alembic_engine):
    migrate(alembic_engine)
    migrate(alembic_engine)
    assert revision(alembic_engine) == HEAD


def test_a_migration_that_fails_leaves_nothing(alembic_engine, monkeypatch):
    with alembic_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE publication (mine INTEGER)")
    with pytest.raises((LedgerError, sa.exc.DBAPIError)):
        migrate(alembic_engine)
    assert sa.inspect(alembic_engine).get_table_names() == ["publication"]


def test_every_append_only_table_has_its_triggers(alembic_engine):
    migrate(alembic_engine)
    query = (
        "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"
        if alembic_engine.dialect.name == "sqlite"
        else "SELECT event_object_table FROM information_schema.triggers"
    )
    with alembic_engine.connect() as connection:
        assert set(connection.exec_driver_sql(query).scalars()) == set(APPEND_ONLY)


def test_there_is_no_way_back(alembic_engine):
    migrate(alembic_engine)
    config = alembic.config.Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    with alembic_engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        with pytest.raises(NotImplementedError, match="never taken apart"):
            alembic.command.downgrade(config, "base")
