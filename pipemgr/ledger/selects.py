"""Selects: the statements behind the queries, and how their rows are read."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pipemgr.errors import NoSuchObject
from pipemgr.model.events import Change, Event, Kind, event_name

from . import tables
from .change import entry_row
from .keys import key
from .prior import CHUNK
from .tables import OBJECTS
from .views import (
    EntryView,
    InstanceView,
    Record,
    StageView,
)

_PIPELINE, _BUILD, _INSTANCE = (OBJECTS[kind] for kind in (Kind.PIPELINE, Kind.BUILD, Kind.BUILD_INSTANCE))
_ENTRY, _SEAL, _OUTBOX = tables.ledger_entry, tables.seal, tables.outbox
_CREATED = event_name(Kind.LEDGER_ENTRY, Change.CREATE)
_SHORTEST_PREFIX = 4
_GLOB = re.compile(r"\[!?(?:\w-\w|[\w. /])+\]|.", re.DOTALL | re.ASCII)
_RECORD = ("id", "connection", "key", "data", "created_at", "updated_at", "destroyed_at")


def joined_builds() -> sa.Join:
    """Builds, their attempts and their pipelines, side by side."""
    return _BUILD.join(_INSTANCE, _INSTANCE.c.build_id == _BUILD.c.id).join(
        _PIPELINE, _PIPELINE.c.id == _BUILD.c.pipeline_id
    )


def newest_attempt() -> sa.ScalarSelect[Any]:
    """The number of a build's newest attempt."""
    other = _INSTANCE.alias()
    return sa.select(sa.func.max(other.c.attempt)).where(other.c.build_id == _BUILD.c.id).scalar_subquery()


def field(engine: sa.Engine, table: sa.Table, name: str) -> sa.ColumnElement[str]:
    """A text in an object's data that has no column of its own."""
    # PostgreSQL has to be told that the text is JSON; SQLite would make a number of what is cast to JSON.
    tell = sa.cast if engine.dialect.name == "postgresql" else sa.type_coerce
    found: sa.ColumnElement[str] = tell(table.c.data, sa.JSON)[name].as_string()
    return found


def like(column: sa.Column[Any], glob: str) -> sa.ColumnElement[bool]:
    """Whether a name is this one or, with `*`, `?` or `[...]` in it, fits the glob; big and small letters differ."""
    if not set(glob) & set("*?["):
        return column == glob
    return column.regexp_match(f"^{''.join(_regular(part) for part in _GLOB.findall(glob))}$")


def _regular(part: str) -> str:
    """A part of a glob as a regular expression that both databases know."""
    if len(part) > 1:
        with contextlib.suppress(re.error):  # a range that goes backwards is taken literally
            return re.compile(part.replace("[!", "[^")).pattern
    return {"*": ".*", "?": "."}.get(part) or re.escape(part)


def highest(column: sa.Column[Any], empty: int = 0) -> sa.Select[Any]:
    """Tables that number their rows without gaps know how many they have."""
    return sa.select(sa.func.coalesce(sa.func.max(column), empty))


def past(database: sa.Connection, build: UUID) -> sa.ColumnElement[bool]:
    """Whether an attempt comes after this build in the list of builds. Raises `NoSuchObject`."""
    where = sa.and_(_BUILD.c.id == build, _INSTANCE.c.attempt == newest_attempt())
    row = database.execute(sa.select(tables.moment).select_from(joined_builds()).where(where)).one_or_none()
    if row is None:
        raise NoSuchObject(f"the ledger has no build {build}")
    last = sa.literal(row[0], tables.UTCDateTime)
    # The first part says nothing new, but is what both databases can enter their index by.
    return sa.and_(
        tables.moment <= last,
        sa.or_(tables.moment < last, _INSTANCE.c.build_id < sa.literal(build, sa.Uuid)),
    )


def named_build(number: str, *, pipeline: str | None, connection: str | None) -> sa.ColumnElement[bool]:
    """What a build is that goes by this number, name or beginning of an id."""
    ways = [_BUILD.c.name == number]
    if number.isdecimal() and len(number) < len(str(2**63)):
        ways.append(_BUILD.c.number == int(number))
    if pipeline:
        ways.append(_BUILD.c.key == key(pipeline, number))  # by the vendor's id, where it gives no numbers
    digits = number.replace("-", "").lower()
    if _SHORTEST_PREFIX <= len(digits) <= len(UUID(int=0).hex) and not set(digits) - set("0123456789abcdef"):
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        ways += [_BUILD.c.id.between(first, last), _INSTANCE.c.id.between(first, last)]
    found = sa.or_(*ways)
    found = sa.and_(found, _PIPELINE.c.name == pipeline) if pipeline else found
    return sa.and_(found, _BUILD.c.connection == connection) if connection else found


def title(connection: str, number: int | None, name: str, pipeline: str) -> str:
    """What to call a build where several have its name."""
    return f"{pipeline}#{name if number is None else number} at {connection}"


def not_one(reference: str, titles: Sequence[str]) -> NoSuchObject:
    """The error for a name that fits no build, or several."""
    if not titles:
        return NoSuchObject(
            f"the ledger has no build {reference!r}", remedy="`pipemgr build list` shows them"
        )
    return NoSuchObject(
        f"{reference!r} is the name of several builds: {', '.join(sorted(titles))}",
        remedy="write PIPELINE#NUMBER, and name the connection if it has the same at several",
    )


def selected(*selected: sa.Table, extra: Sequence[sa.ColumnElement[Any]] = ()) -> sa.Select[Any]:
    """The columns of `_RECORD`, of each table in turn: a row's values are found by their places."""
    return sa.select(
        *(table.c[name].label(f"{name}_{place}") for place, table in enumerate(selected) for name in _RECORD),
        *extra,
    )


def record(kind: Kind, row: Any, place: int = 0) -> Record:
    """The object in a row that `selected` gave, of the table at `place`."""
    first = place * len(_RECORD)
    id_, connection, key, data, *times = row[first : first + len(_RECORD)]
    return Record(kind, id_, connection, key, json.loads(data), *times)


def one_record(database: sa.Connection, kind: Kind, number: UUID) -> Record:
    """An object by its id. Raises `NoSuchObject`."""
    table = OBJECTS[kind]
    row = database.execute(selected(table).where(table.c.id == number)).one_or_none()
    if row is None:
        raise NoSuchObject(f"the ledger has no {kind} {number}")
    return record(kind, row)


def children(database: sa.Connection, kind: Kind, column: str, parents: Sequence[UUID]) -> list[Record]:
    """The objects of a class below these parents, in the order they were first seen."""
    table = OBJECTS[kind]
    query = (
        selected(table)
        .where(table.c[column].in_(parents), table.c.destroyed_at.is_(None))
        .order_by(table.c.id)
    )
    return [record(kind, row) for row in database.execute(query)]


def instance_views(database: sa.Connection, build: Record, instances: Sequence[Record]) -> list[InstanceView]:
    """The attempts with all that is below them, in seven queries however many they are."""
    ids = [one.id for one in instances]

    def below(kind: Kind) -> dict[str, list[Record]]:
        return _grouped(children(database, kind, "instance_id", ids), "instance_id")

    ledgers, stages, logs = below(Kind.BUILD_LEDGER), below(Kind.STAGE_INSTANCE), below(Kind.BUILD_LOG)
    artifacts, deliverables = below(Kind.ARTIFACT), below(Kind.DELIVERABLE)
    steps = _grouped(children(database, Kind.STEP_INSTANCE, "instance_id", ids), "stage_instance_id")
    return [
        InstanceView(
            build,
            one,
            next(iter(ledgers.get(str(one.id), ())), None),
            tuple(
                StageView(stage, tuple(steps.get(str(stage.id), ())))
                for stage in sorted(stages.get(str(one.id), ()), key=_begun)
            ),
            tuple(logs.get(str(one.id), ())),
            tuple(artifacts.get(str(one.id), ())),
            tuple(deliverables.get(str(one.id), ())),
        )
        for one in instances
    ]


def _begun(stage: Record) -> tuple[datetime, UUID]:
    """Stages in the order in which they began; those that never did come last, as they were first seen."""
    started = stage.data["started_at"]
    return datetime.fromisoformat(started) if started else datetime.max.replace(tzinfo=UTC), stage.id


def _grouped(records: list[Record], column: str) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for one in records:
        groups.setdefault(one.data[column], []).append(one)
    return groups


def sealed_entries() -> sa.Select[Any]:
    """Entries with their positions, in the order of the tree."""
    joined = _SEAL.join(_ENTRY, _ENTRY.c.id == _SEAL.c.entry)
    return sa.select(_SEAL.c.position, *_ENTRY.c).select_from(joined).order_by(_SEAL.c.position)


def unsealed_entries() -> sa.Select[Any]:
    """Entries whose events come after the last sealed one."""
    last = sa.select(_SEAL.c.sequence).order_by(_SEAL.c.position.desc()).limit(1).scalar_subquery()
    return (
        sa.select(sa.null().label("position"), *_ENTRY.c)
        .select_from(_OUTBOX.join(_ENTRY, _ENTRY.c.id == _OUTBOX.c.id))
        .where(_OUTBOX.c.sequence > sa.func.coalesce(last, 0))
        .order_by(_OUTBOX.c.sequence)
    )


def entry_views_of(database: sa.Connection, build: UUID, after: int, limit: int) -> tuple[EntryView, ...]:
    """The entries in the ledgers of a build's attempts."""
    ledger = OBJECTS[Kind.BUILD_LEDGER]
    ledgers = sa.select(ledger.c.id).join(_INSTANCE, _INSTANCE.c.id == ledger.c.instance_id)
    query = (
        sa.select(_SEAL.c.position, *_ENTRY.c)
        .select_from(_ENTRY.outerjoin(_SEAL, _SEAL.c.entry == _ENTRY.c.id))
        .where(_ENTRY.c.ledger.in_(ledgers.where(_INSTANCE.c.build_id == build)))
        .where(sa.or_(_SEAL.c.position.is_(None), _SEAL.c.position > after))
        .order_by(_SEAL.c.position.is_(None), _SEAL.c.position, _ENTRY.c.id)
        .limit(limit)
    )
    return entry_views(database, query)


def entry_views(database: sa.Connection, query: sa.Select[Any]) -> tuple[EntryView, ...]:
    """The entries that a query gives."""
    return tuple(EntryView(entry_row(row).entry(), row.position) for row in database.execute(query))


def events(database: sa.Connection, query: sa.Select[Any]) -> tuple[Event, ...]:
    """The events that a query of the outbox gives; those of an entry's creation with the entry as their data."""
    rows = database.execute(query).all()
    entries = _canonical(database, [UUID(row.subject) for row in rows if row.name == _CREATED])
    return tuple(
        _event(row, entries.get(row.subject, "{}") if row.name == _CREATED else row.data) for row in rows
    )


def _canonical(database: sa.Connection, numbers: Sequence[UUID]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(numbers), CHUNK):
        query = sa.select(_ENTRY).where(_ENTRY.c.id.in_(numbers[start : start + CHUNK]))
        found |= {str(row.id): entry_row(row).canonical() for row in database.execute(query)}
    return found


def _event(row: Any, data: str) -> Event:
    return Event(
        sequence=row.sequence,
        id=row.id,
        name=row.name,
        subject=row.subject,
        time=row.time,
        data=json.loads(data),
        changed=tuple(json.loads(row.changed)),
    )
