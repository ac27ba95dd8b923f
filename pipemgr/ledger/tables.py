"""Tables: one for each of the twelve classes, and those that the ledger itself needs.

An object's truth is the JSON text in `data`; the typed columns beside it are read off that text (`COLUMNS`), so
that queries can filter and `verify` can tell when one was changed by hand. Times are microseconds since 1970 in
UTC, which sort and compare alike in both databases.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from pipemgr.model.events import Kind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 500
"""Characters of a vendor's text that a typed column keeps; `data` has all of it."""
_MICROSECOND = timedelta(microseconds=1)
_BIGGEST = 2**63


def microseconds(moment: datetime) -> int:
    """Microseconds from 1970 to `moment`, exact."""
    return (moment - EPOCH) // _MICROSECOND


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment in UTC, kept as microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """Microseconds of a moment."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        """The moment, in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def plain(text: str) -> str:
    """A vendor's text as a column can hold it: without NUL, which PostgreSQL refuses, and not endless."""
    return text if "\x00" not in text and len(text) <= LONGEST else text.replace("\x00", "\ufffd")[:LONGEST]


def _number(value: int) -> int | None:
    return value if -_BIGGEST <= value < _BIGGEST else None


def _hex(value: str) -> str:
    return value.replace("-", "")


@lru_cache(maxsize=4096)
def _moment(value: str) -> int:
    """Remembered, because what is seen together often began and ended together."""
    return microseconds(datetime.fromisoformat(value))


Convert = Callable[[Any], Any]
Projection = tuple[str, tuple[str, ...], Convert]
"""A typed column, the path of its value in the object's data, and how that is converted."""

_TYPES: dict[Convert, Callable[[], sa.types.TypeEngine[Any]]] = {
    plain: sa.Text,
    _number: sa.BigInteger,
    _hex: sa.Uuid,
    _moment: UTCDateTime,
    bool: sa.Boolean,
}
_STATUS: tuple[Projection, ...] = (
    ("state", ("status", "state"), plain),
    ("result", ("status", "result"), plain),
    ("started_at", ("started_at",), _moment),
    ("finished_at", ("finished_at",), _moment),
)
_NAME: Projection = ("name", ("name",), plain)


def _to(parent: str) -> Projection:
    return (parent, (parent,), _hex)


COLUMNS: dict[Kind, tuple[Projection, ...]] = {
    Kind.PIPELINE: (_NAME, ("fingerprint", ("fingerprint",), plain)),
    Kind.STAGE: (_NAME, _to("pipeline_id"), ("position", ("position",), _number)),
    Kind.STEP: (_NAME, _to("pipeline_id"), _to("stage_id"), ("position", ("position",), _number)),
    Kind.BUILD: (
        _NAME,
        _to("pipeline_id"),
        ("number", ("number",), _number),
        ("revision", ("commit",), plain),
        ("branch", ("branch",), plain),
    ),
    Kind.BUILD_INSTANCE: (
        _to("build_id"),
        ("attempt", ("attempt",), _number),
        ("queued_at", ("queued_at",), _moment),
        *_STATUS,
    ),
    Kind.BUILD_LEDGER: (_NAME, _to("instance_id")),
    Kind.STAGE_INSTANCE: (_NAME, _to("instance_id"), _to("stage_id"), *_STATUS),
    Kind.STEP_INSTANCE: (_NAME, _to("instance_id"), _to("stage_instance_id"), _to("step_id"), *_STATUS),
    Kind.BUILD_LOG: (
        _NAME,
        _to("instance_id"),
        _to("stage_instance_id"),
        _to("step_instance_id"),
        ("complete", ("complete",), bool),
        ("content", ("digest",), plain),
    ),
    Kind.ARTIFACT: (_NAME, _to("instance_id"), ("content", ("digest",), plain)),
    Kind.DELIVERABLE: (_NAME, _to("instance_id"), ("version", ("version",), plain), _to("image_id")),
}
"""The typed columns of each class that is kept as data: all but the entries, which have columns only."""

PARENTS = {"pipeline_id": "pipeline", "build_id": "build", "instance_id": "build_instance"}
"""The columns that lead up to a parent, and its table; each is indexed."""

TABLE_NAMES: dict[Kind, str] = {
    Kind.BUILD_INSTANCE: "build_instance",
    Kind.BUILD_LEDGER: "build_ledger",
    Kind.STAGE_INSTANCE: "stage_instance",
    Kind.STEP_INSTANCE: "step_instance",
    Kind.BUILD_LOG: "build_log",
}


def _column(projection: Projection) -> sa.Column[Any]:
    name, _, convert = projection
    parent = PARENTS.get(name)
    links = [sa.ForeignKey(f"{parent}.id")] if parent else []
    return sa.Column(name, _TYPES[convert](), *links, index=bool(parent))


def _objects(kind: Kind) -> sa.Table:
    return sa.Table(
        TABLE_NAMES.get(kind, kind.value),
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
        sa.Column("destroyed_at", UTCDateTime),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        *map(_column, COLUMNS[kind]),
        sa.UniqueConstraint("connection", "key"),
    )


OBJECTS: dict[Kind, sa.Table] = {kind: _objects(kind) for kind in COLUMNS}
"""The table of each class that is kept as data, parents first."""

_ATTEMPT = OBJECTS[Kind.BUILD_INSTANCE].c
moment = sa.func.coalesce(_ATTEMPT.queued_at, _ATTEMPT.started_at, _ATTEMPT.created_at)
"""When an attempt came to be, as builds are listed by it."""
is_open = _ATTEMPT.state != sa.literal_column("'finished'")
"""Whether an attempt is not finished; written as the index has it, or SQLite does not see that it may use it."""
alive = {kind: OBJECTS[kind].c.destroyed_at.is_(None) for kind in (Kind.BUILD_LOG, Kind.ARTIFACT)}
for _name, _columns, _where in (
    ("ix_build_instance_moment", (moment, _ATTEMPT.build_id), None),
    ("ix_build_instance_connection_moment", (_ATTEMPT.connection, moment, _ATTEMPT.build_id), None),
    ("ix_build_instance_open", (_ATTEMPT.connection, _ATTEMPT.id), is_open),
    ("ix_build_log_content", (OBJECTS[Kind.BUILD_LOG].c.content,), alive[Kind.BUILD_LOG]),
    ("ix_artifact_content", (OBJECTS[Kind.ARTIFACT].c.content,), alive[Kind.ARTIFACT]),
):
    sa.Index(_name, *_columns, sqlite_where=_where, postgresql_where=_where)

ledger_entry = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("time", UTCDateTime, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("change", sa.Text, nullable=False),
    sa.Column("subject", sa.Uuid, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("ledger", sa.Uuid, index=True),
    sa.Column("step", sa.Uuid),
    sa.Column("inputs", sa.Text, nullable=False),
    sa.Column("outputs", sa.Text, nullable=False),
    sa.Column("changed", sa.Text, nullable=False),
    sa.Column("observer", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("amends", sa.Uuid),
)
"""Append-only. `inputs`, `outputs` and `changed` are JSON arrays."""

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column(
        "sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("time", UTCDateTime, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("changed", sa.Text, nullable=False),
)
"""Append-only: the events, numbered without a gap in the order in which they became visible."""

seal = sa.Table(
    "seal",
    metadata,
    sa.Column(
        "position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    sa.Column("entry", sa.Uuid, nullable=False, unique=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("leaf", sa.Text, nullable=False),
)
"""Append-only: an entry's place in the tree, the number of its event, and its leaf hash."""

checkpoint = sa.Table(
    "checkpoint",
    metadata,
    sa.Column(
        "size", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("time", UTCDateTime, nullable=False),
    sa.Column("peaks", sa.Text, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("signature", sa.Text),
)
"""Append-only: the root of the tree at one size, and the peaks to go on growing from."""

connection = sa.Table(
    "connection",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("adapter", sa.Text, nullable=False),
    sa.Column("due_at", UTCDateTime, nullable=False),
    sa.Column("lease_until", UTCDateTime),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("cursor", sa.Text, nullable=False),
    sa.Column("last_success_at", UTCDateTime),
    sa.Column("last_error", sa.Text),
    sa.Column("claimed_at", UTCDateTime),
    sa.Column("hinted_at", UTCDateTime),
    sa.Column("health", sa.Text, nullable=False, server_default="ok"),
    sa.Column("health_since", UTCDateTime),
    sa.Column("failures", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refusals", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("changed_at", UTCDateTime),
    sa.Column("walk", sa.Text),
    sa.Column("walk_since", UTCDateTime),
    sa.Column("walked_at", UTCDateTime),
    sa.Column("skipped_until", UTCDateTime),
)
"""The schedule: when each connection is polled next, who is at it, and how far it has come.

`health` is one of `health.Health`. `failures` counts those in a row, `refusals` those of them at the end that refused
the credential. `hinted_at` is when a webhook asked for a poll; one that comes while a poll runs (`claimed_at`) makes
the connection due again at its end. `changed_at` is when a poll last saw something new. `walk` is the cursor of a walk
through the past that is not finished, `walk_since` how far back it goes, `walked_at` when the last one ended.
`skipped_until` is how far back no walk goes, because somebody chose to skip what was before.
"""

pending = sa.Table(
    "pending",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("pipeline", sa.Text, primary_key=True),
    sa.Column("build", sa.Text, primary_key=True),
    sa.Column("attempt", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("seen_at", UTCDateTime, nullable=False),
    sa.Column("due_at", UTCDateTime, nullable=False),
    sa.Column("tries", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text),
    sa.Index("ix_pending_connection_due_at", "connection", "due_at"),
)
"""Attempts that were found and still have to be looked at. `source` is one of `pending.Source`.

Written with the cursor that found them, and gone with the snapshot that is recorded. Those that failed wait until
`due_at` with their `error`: they are in quarantine.
"""

gap = sa.Table(
    "gap",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("connection", sa.Text, nullable=False, index=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("since", UTCDateTime),
    sa.Column("until", UTCDateTime),
    sa.Column("expected", sa.BigInteger, nullable=False),
    sa.Column("found", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detected_at", UTCDateTime, nullable=False),
    sa.Column("closed_at", UTCDateTime),
)
"""Builds that are missing for sure; `closed_at` is when they were found after all, or given up by somebody."""

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("received_at", UTCDateTime, nullable=False, index=True),
)
"""Webhooks that were taken, so that the same one again is known."""

budget = sa.Table(
    "budget",
    metadata,
    sa.Column("credential", sa.Text, primary_key=True),
    sa.Column("limit", sa.BigInteger),
    sa.Column("remaining", sa.BigInteger),
    sa.Column("reset_at", UTCDateTime),
    sa.Column("blocked_until", UTCDateTime),
    sa.Column("asked", sa.BigInteger, nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
)
"""What each credential may still ask of its vendor, shared by all processes. `asked` counts every request ever."""

publication = sa.Table(
    "publication",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("pipeline", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("documents", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("applied_at", UTCDateTime, nullable=False),
    sa.Column("applied_by", sa.Text, nullable=False),
)
"""What was last applied: one row for each pipeline of a connection."""

APPEND_ONLY = ("ledger_entry", "outbox", "seal", "checkpoint")
"""The tables whose rows no trigger lets change or go."""


def columns(kind: Kind, data: dict[str, Any]) -> list[Any]:
    """The values of an object's typed columns, read off its data, in the order of `COLUMNS`."""
    found = []
    for _, path, convert in COLUMNS[kind]:
        value: Any = data
        for name in path:
            value = value.get(name) if value is not None else None
        found.append(None if value is None else convert(value))
    return found
