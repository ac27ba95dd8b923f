"""What a long history needs: indexes to list and follow attempts by, and to find who refers to a blob.

Frozen: what it makes never changes. A later schema is a later migration.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "m003"
down_revision = "m002"

_MOMENT = "coalesce(queued_at, started_at, created_at)"
_INDEXES = {
    "ix_build_instance_moment": f"build_instance ({_MOMENT}, build_id)",
    "ix_build_instance_connection_moment": f"build_instance (connection, {_MOMENT}, build_id)",
    "ix_build_instance_open": "build_instance (connection, id) WHERE state <> 'finished'",
    "ix_build_log_content": "build_log (content) WHERE destroyed_at IS NULL",
    "ix_artifact_content": "artifact (content) WHERE destroyed_at IS NULL",
}
_LONGEST, _ROWS = 500, 1000


def upgrade() -> None:
    op.add_column("build_log", sa.Column("content", sa.Text()))
    _fill(op.get_bind())
    for name, place in _INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {place}")


def _fill(database: sa.Connection) -> None:
    """Read the digests of the logs off their data, page by page."""
    log = sa.table(
        "build_log", sa.column("id", sa.Uuid), sa.column("data", sa.Text), sa.column("content", sa.Text)
    )
    last = None
    while True:
        query = sa.select(log.c.id, log.c.data).order_by(log.c.id).limit(_ROWS)
        rows = database.execute(query if last is None else query.where(log.c.id > last)).all()
        for number, data in rows:
            content = json.loads(data).get("digest")
            if content is not None:
                plain = content.replace("\x00", "\ufffd")[:_LONGEST]
                database.execute(log.update().where(log.c.id == number).values(content=plain))
        if len(rows) < _ROWS:
            return
        last = rows[-1].id


def downgrade() -> None:
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
    with op.batch_alter_table("build_log") as table:
        table.drop_column("content")
