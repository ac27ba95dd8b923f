"""The first schema: the twelve classes, the events, the seal and the schedule.

Frozen: what it makes never changes. A later schema is a later migration.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "m001"
down_revision = None

APPEND_ONLY = ("ledger_entry", "outbox", "seal", "checkpoint")
PARENTS = {"pipeline_id": "pipeline", "build_id": "build", "instance_id": "build_instance"}


def _objects(table: str, **types: Any) -> None:
    """A table of objects: what all have, and the typed columns of this one."""
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("destroyed_at", sa.BigInteger()),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        *(sa.Column(name, kind()) for name, kind in types.items()),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("connection", "key", name=f"uq_{table}_connection_key"),
        *(
            sa.ForeignKeyConstraint([name], [f"{parent}.id"], name=f"fk_{table}_{name}")
            for name, parent in PARENTS.items()
            if name in types
        ),
    )
    for name in PARENTS:
        if name in types:
            op.create_index(f"ix_{table}_{name}", table, [name])


def _all_objects() -> None:
    text, number, uuid = sa.Text, sa.BigInteger, sa.Uuid
    status = {"state": text, "result": text, "started_at": number, "finished_at": number}
    _objects("pipeline", name=text, fingerprint=text)
    _objects("stage", name=text, pipeline_id=uuid, position=number)
    _objects("step", name=text, pipeline_id=uuid, stage_id=uuid, position=number)
    _objects("build", name=text, pipeline_id=uuid, number=number, revision=text, branch=text)
    _objects("build_instance", build_id=uuid, attempt=number, queued_at=number, **status)
    _objects("build_ledger", name=text, instance_id=uuid)
    _objects("stage_instance", name=text, instance_id=uuid, stage_id=uuid, **status)
    _objects("step_instance", name=text, instance_id=uuid, stage_instance_id=uuid, step_id=uuid, **status)
    _objects(
        "build_log",
        name=text,
        instance_id=uuid,
        stage_instance_id=uuid,
        step_instance_id=uuid,
        complete=sa.Boolean,
    )
    _objects("artifact", name=text, instance_id=uuid, content=text)
    _objects("deliverable", name=text, instance_id=uuid, version=text, image_id=uuid)


def _table(table: str, key: tuple[str, ...], *columns: tuple[str, Any, bool]) -> None:
    op.create_table(
        table,
        *(sa.Column(name, kind, nullable=nullable, autoincrement=False) for name, kind, nullable in columns),
        sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"),
    )


def _ledger() -> None:
    text, number, uuid = sa.Text(), sa.BigInteger(), sa.Uuid()
    counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    _table(
        "ledger_entry",
        ("id",),
        ("id", uuid, False),
        ("time", number, False),
        ("kind", text, False),
        ("change", text, False),
        ("subject", uuid, False),
        ("message", text, False),
        ("digest", text, False),
        ("ledger", uuid, True),
        ("step", uuid, True),
        ("inputs", text, False),
        ("outputs", text, False),
        ("changed", text, False),
        ("observer", text, False),
        ("source", text, True),
        ("amends", uuid, True),
    )
    op.create_index("ix_ledger_entry_ledger", "ledger_entry", ["ledger"])
    _table(
        "outbox",
        ("sequence",),
        ("sequence", counter, False),
        ("id", uuid, False),
        ("name", text, False),
        ("subject", text, False),
        ("time", number, False),
        ("data", text, False),
        ("changed", text, False),
    )
    op.create_table(
        "seal",
        sa.Column("position", counter, nullable=False, autoincrement=False),
        sa.Column("entry", uuid, nullable=False),
        sa.Column("sequence", number, nullable=False),
        sa.Column("leaf", text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_seal"),
        sa.UniqueConstraint("entry", name="uq_seal_entry"),
    )
    _table(
        "checkpoint",
        ("size",),
        ("size", counter, False),
        ("root", text, False),
        ("time", number, False),
        ("peaks", text, False),
        ("key", text, True),
        ("signature", text, True),
    )


def _schedule() -> None:
    text, number = sa.Text(), sa.BigInteger()
    _table(
        "connection",
        ("name",),
        ("name", text, False),
        ("adapter", text, False),
        ("due_at", number, False),
        ("lease_until", number, True),
        ("owner", text, True),
        ("fence", number, False),
        ("cursor", text, False),
        ("last_success_at", number, True),
        ("last_error", text, True),
    )
    _table(
        "publication",
        ("connection", "pipeline"),
        ("connection", text, False),
        ("pipeline", text, False),
        ("fingerprint", text, False),
        ("model", text, False),
        ("documents", text, False),
        ("url", text, True),
        ("applied_at", number, False),
        ("applied_by", text, False),
    )


def _freeze_sqlite(table: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _freeze_postgresql(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION pipemgr_append_only()"
    )


def upgrade() -> None:
    _all_objects()
    _ledger()
    _schedule()
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(
            "CREATE FUNCTION pipemgr_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table in APPEND_ONLY:
        (_freeze_sqlite if sqlite else _freeze_postgresql)(table)


def downgrade() -> None:
    """Refuse: going back would throw a ledger away."""
    raise NotImplementedError("a ledger is never taken apart; keep a backup and start a new one")
