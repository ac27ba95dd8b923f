"""Gaps: builds that are missing for sure, those that were found late, and numbers that no build has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pipemgr.errors import NoSuchObject
from pipemgr.model.events import Kind

from .change import fresh_id
from .tables import OBJECTS
from .tables import gap as table

FOUND_LATE = "found by the walk; no poll had told of it"
"""The reason of a gap that was closed as soon as it was noticed."""
_BUILD, _PIPELINE = OBJECTS[Kind.BUILD], OBJECTS[Kind.PIPELINE]


@dataclass(frozen=True, slots=True)
class GapRow:
    """Builds of a pipeline that are missing: `expected` were counted, `found` can be read."""

    id: UUID
    connection: str
    pipeline: str
    since: datetime | None
    until: datetime | None
    expected: int
    found: int
    reason: str
    detected_at: datetime
    closed_at: datetime | None = None

    def said(self) -> dict[str, Any]:
        """The gap as JSON."""
        known = {name: getattr(self, name) for name in self.__slots__}
        return {name: _written(value) for name, value in known.items()}


@dataclass(frozen=True, slots=True)
class Hole:
    """Numbers, from `first` to `last`, between those of the builds that are known, that none of them has."""

    connection: str
    pipeline: str
    first: int
    last: int

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.last - self.first + 1


def put(database: sa.Connection, connection: str, now: datetime, **said: Any) -> GapRow | None:
    """Keep a gap; None when one of the same pipeline, time and reason is open: then only its counts are new.

    `said` are the other columns: `pipeline`, `since`, `until`, `expected`, `found`, `reason`, and `closed_at` for one
    that is healed already.
    """
    said = {
        name: text.replace("\x00", "\ufffd") if isinstance(text, str) else text for name, text in said.items()
    }
    counts = {name: said[name] for name in ("expected", "found")}
    same = [
        table.c[name].is_not_distinct_from(said[name]) for name in ("pipeline", "since", "until", "reason")
    ]
    open_ = sa.and_(table.c.connection == connection, table.c.closed_at.is_(None), *same)
    if (
        said.get("closed_at") is None
        and database.execute(table.update().where(open_).values(**counts)).rowcount
    ):
        return None
    row = GapRow(id=UUID(fresh_id()), connection=connection, detected_at=now, **said)
    values = {name: getattr(row, name) for name in GapRow.__slots__}
    database.execute(table.insert().values(**values))
    return row


def close(database: sa.Connection, gap: UUID, now: datetime) -> None:
    """Close a gap: its builds were found after all, or somebody gave them up. Raises `NoSuchObject`."""
    found = database.execute(sa.select(table.c.closed_at).where(table.c.id == gap)).one_or_none()
    if found is None:
        raise NoSuchObject(f"the ledger has no gap {gap}", remedy="`pipemgr gaps` lists them")
    database.execute(
        table.update().where(table.c.id == gap, table.c.closed_at.is_(None)).values(closed_at=now)
    )


def listed(
    database: sa.Connection, connection: str | None = None, *, closed: bool = False, limit: int = 1000
) -> list[GapRow]:
    """Gaps, the newest first; closed ones only when asked for."""
    query = table.select().order_by(table.c.detected_at.desc(), table.c.id.desc()).limit(limit)
    query = query.where(table.c.connection == connection) if connection is not None else query
    query = query if closed else query.where(table.c.closed_at.is_(None))
    return [GapRow(**row._mapping) for row in database.execute(query)]  # noqa: SLF001 - public in SQLAlchemy


def holes(
    database: sa.Connection, connection: str | None = None, pipeline: str | None = None, limit: int = 1000
) -> list[Hole]:
    """Numbers between the lowest and the highest of a pipeline's builds that no known build has.

    A hole is no gap for sure: vendors leave numbers out, and forget builds.
    """
    after = sa.func.lead(_BUILD.c.number).over(partition_by=_BUILD.c.pipeline_id, order_by=_BUILD.c.number)
    numbers = sa.select(
        _BUILD.c.connection, _BUILD.c.pipeline_id, _BUILD.c.number, after.label("next")
    ).where(_BUILD.c.number.is_not(None))
    if connection is not None:
        numbers = numbers.where(_BUILD.c.connection == connection)
    pairs = numbers.subquery()
    query = (
        sa.select(pairs.c.connection, _PIPELINE.c.name, pairs.c.number, pairs.c.next)
        .join(_PIPELINE, _PIPELINE.c.id == pairs.c.pipeline_id)
        .where(pairs.c.next > pairs.c.number + 1)
        .order_by(pairs.c.connection, _PIPELINE.c.name, pairs.c.number)
        .limit(limit)
    )
    query = query.where(_PIPELINE.c.name == pipeline) if pipeline is not None else query
    return [Hole(row.connection, row.name, row.number + 1, row.next - 1) for row in database.execute(query)]


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
