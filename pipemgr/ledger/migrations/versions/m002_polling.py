"""What polling needs: health, the walk through the past, pending attempts, gaps, webhooks and budgets.

Frozen: what it makes never changes. A later schema is a later migration.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "m002"
down_revision = "m001"

_TEXT, _NUMBER, _UUID = sa.Text(), sa.BigInteger(), sa.Uuid()
_CONNECTION: tuple[tuple[str, Any, str | None], ...] = (
    ("claimed_at", _NUMBER, None),
    ("hinted_at", _NUMBER, None),
    ("health", _TEXT, "ok"),
    ("health_since", _NUMBER, None),
    ("failures", _NUMBER, "0"),
    ("refusals", _NUMBER, "0"),
    ("changed_at", _NUMBER, None),
    ("walk", _TEXT, None),
    ("walk_since", _NUMBER, None),
    ("walked_at", _NUMBER, None),
    ("skipped_until", _NUMBER, None),
)
_NEW = ("budget", "delivery", "gap", "pending")


def _table(name: str, key: tuple[str, ...], *columns: tuple[str, Any, bool]) -> None:
    op.create_table(
        name,
        *(
            sa.Column(column, kind, nullable=nullable, autoincrement=False)
            for column, kind, nullable in columns
        ),
        sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"),
    )


def upgrade() -> None:
    for name, kind, default in _CONNECTION:
        op.add_column("connection", sa.Column(name, kind, nullable=default is None, server_default=default))
    _table(
        "pending",
        ("connection", "pipeline", "build", "attempt"),
        ("connection", _TEXT, False),
        ("pipeline", _TEXT, False),
        ("build", _TEXT, False),
        ("attempt", _NUMBER, False),
        ("source", _TEXT, False),
        ("seen_at", _NUMBER, False),
        ("due_at", _NUMBER, False),
        ("tries", _NUMBER, False),
        ("error", _TEXT, True),
    )
    op.create_index("ix_pending_connection_due_at", "pending", ["connection", "due_at"])
    _table(
        "gap",
        ("id",),
        ("id", _UUID, False),
        ("connection", _TEXT, False),
        ("pipeline", _TEXT, False),
        ("since", _NUMBER, True),
        ("until", _NUMBER, True),
        ("expected", _NUMBER, False),
        ("found", _NUMBER, False),
        ("reason", _TEXT, False),
        ("detected_at", _NUMBER, False),
        ("closed_at", _NUMBER, True),
    )
    op.create_index("ix_gap_connection", "gap", ["connection"])
    _table(
        "delivery",
        ("connection", "id"),
        ("connection", _TEXT, False),
        ("id", _TEXT, False),
        ("event", _TEXT, False),
        ("received_at", _NUMBER, False),
    )
    op.create_index("ix_delivery_received_at", "delivery", ["received_at"])
    _table(
        "budget",
        ("credential",),
        ("credential", _TEXT, False),
        ("limit", _NUMBER, True),
        ("remaining", _NUMBER, True),
        ("reset_at", _NUMBER, True),
        ("blocked_until", _NUMBER, True),
        ("asked", _NUMBER, False),
        ("updated_at", _NUMBER, False),
    )


def downgrade() -> None:
    for name in _NEW:
        op.drop_table(name)
    with op.batch_alter_table("connection") as table:
        for name, _, _ in reversed(_CONNECTION):
            table.drop_column(name)
