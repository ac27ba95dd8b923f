"""Where Alembic starts: on the connection that `migrate` opened, or the engine that a test hands over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from pipemgr.ledger.migrations import VERSION_TABLE
from pipemgr.ledger.tables import metadata


def run(connection: sa.Connection) -> None:
    """Migrate over this connection, in its transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes["connection"]
if isinstance(given, sa.Connection):
    run(given)
else:
    with given.connect() as opened, opened.begin():
        run(opened)
