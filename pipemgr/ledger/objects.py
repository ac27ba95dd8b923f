"""Objects against the history: finds the row that is not what the newest entry about it says."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from pipemgr.model.events import Change, Kind

from . import tables
from .raw import digest, raw, undashed
from .tables import OBJECTS, ledger_entry, outbox, seal


def objects(kind: Kind) -> sa.Select[Any]:
    """The rows of a class, each with the first and the newest event about it."""
    table, first, newest = OBJECTS[kind], outbox.alias("first"), outbox.alias("newest")
    span = (
        sa.select(
            ledger_entry.c.subject,
            sa.func.min(outbox.c.sequence).label("first"),
            sa.func.max(outbox.c.sequence).label("newest"),
        )
        .join(outbox, outbox.c.id == ledger_entry.c.id)
        .where(ledger_entry.c.kind == kind.value)
        .group_by(ledger_entry.c.subject)
        .subquery()
    )
    joined = (
        table.outerjoin(span, span.c.subject == table.c.id)
        .outerjoin(first, first.c.sequence == span.c.first)
        .outerjoin(newest, newest.c.sequence == span.c.newest)
        .outerjoin(seal, seal.c.entry == newest.c.id)
    )
    events = {
        "entry": newest.c.id,
        "position": seal.c.position,
        "born": first.c.time,
        "seen": newest.c.time,
        "event": newest.c.name,
        "recorded": newest.c.data,
    }
    beside = [raw(column).label(f"of_{name}") for name, column in events.items()]
    return sa.select(*map(raw, table.c), *beside).select_from(joined)


def fault(kind: Kind, row: Any) -> str | None:
    """The column that is not what the events say, if any."""
    if row.data != row.of_recorded:
        return "data"
    data = json.loads(row.data)
    expected = {
        "id": data["id"].replace("-", ""),
        "connection": data["connection"],
        "key": data["key"],
        "digest": digest(row.data),
        "created_at": row.of_born,
        "updated_at": row.of_seen,
        "destroyed_at": row.of_seen if row.of_event.endswith(Change.DESTROY) else None,
        **dict(zip((name for name, _, _ in tables.COLUMNS[kind]), tables.columns(kind, data), strict=True)),
    }
    found = row._mapping  # noqa: SLF001 - public in SQLAlchemy
    wrong = [name for name, value in expected.items() if undashed(found[name]) != value]
    return ", ".join(wrong) or None


def missing(kind: Kind) -> sa.Select[Any]:
    """The first entry about each object of a class that has no row."""
    table = OBJECTS[kind]
    joined = ledger_entry.outerjoin(table, table.c.id == ledger_entry.c.subject)
    here = sa.and_(ledger_entry.c.kind == kind.value, table.c.id.is_(None))
    creation = ledger_entry.c.change == Change.CREATE.value
    columns = (raw(ledger_entry.c.id), raw(ledger_entry.c.subject))
    return sa.select(*columns).select_from(joined).where(here, creation)
