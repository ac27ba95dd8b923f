"""Queries: the only reader. Each call sees one moment of the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pipemgr.errors import NoSuchObject
from pipemgr.model.events import Event, Kind
from pipemgr.model.ledger import Checkpoint
from pipemgr.model.runs import BuildLog, BuildRef
from pipemgr.model.status import Result, State

from . import tables
from .change import entry_row
from .engine import reading
from .keys import key
from .seal import as_checkpoint
from .tables import OBJECTS
from .views import (
    BuildRow,
    BuildView,
    ConnectionRow,
    Counts,
    EntryView,
    InstanceView,
    Publication,
    Record,
    StageView,
)

_PIPELINE, _BUILD, _INSTANCE = (OBJECTS[kind] for kind in (Kind.PIPELINE, Kind.BUILD, Kind.BUILD_INSTANCE))
_ENTRY, _SEAL, _OUTBOX = tables.ledger_entry, tables.seal, tables.outbox
_SHORTEST_PREFIX = 4
_RECORD = ("id", "connection", "key", "data", "created_at", "updated_at", "destroyed_at")


class Queries:
    """Reads one ledger. Safe to share between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def builds(  # noqa: PLR0913 - one for each filter
        self,
        *,
        connection: str | None = None,
        pipeline: str | None = None,
        branch: str | None = None,
        state: State | None = None,
        result: Result | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> tuple[BuildRow, ...]:
        """Builds with their newest attempt, newest first.

        `pipeline` is its name, `state` and `result` those of the newest attempt, `before` the id of the last
        build of the page before.
        """
        moment = sa.func.coalesce(_INSTANCE.c.queued_at, _INSTANCE.c.started_at, _INSTANCE.c.created_at)
        wanted = {
            _BUILD.c.connection: connection,
            _PIPELINE.c.name: pipeline,
            _BUILD.c.branch: branch,
            _INSTANCE.c.state: state and state.value,
            _INSTANCE.c.result: result and result.value,
        }
        query = (
            _select(_BUILD, _INSTANCE, extra=(_PIPELINE.c.name.label("pipeline"),))
            .select_from(_builds())
            .where(_INSTANCE.c.attempt == _newest_attempt(), _BUILD.c.destroyed_at.is_(None))
            .where(*(column == value for column, value in wanted.items() if value is not None))
            .order_by(moment.desc(), _BUILD.c.id.desc())
            .limit(limit)
        )
        with reading(self._engine) as database:
            if before is not None:
                query = query.where(sa.tuple_(moment, _BUILD.c.id) < _place(database, before, moment))
            return tuple(
                BuildRow(_record(Kind.BUILD, row, 0), _record(Kind.BUILD_INSTANCE, row, 1), row.pipeline)
                for row in database.execute(query)
            )

    def build(
        self, reference: str, *, connection: str | None = None, pipeline: str | None = None
    ) -> BuildView:
        """A build by its number, `PIPELINE#NUMBER`, id (its own or an attempt's) or the beginning of an id.

        Raises `NoSuchObject` when there is none, and when there are several.
        """
        name, _, number = reference.rpartition("#")
        where = _named(number, pipeline=name or pipeline, connection=connection)
        with reading(self._engine) as database:
            columns = (_BUILD.c.id, _BUILD.c.connection, _BUILD.c.number, _BUILD.c.name, _PIPELINE.c.name)
            query = sa.select(*columns).select_from(_builds()).where(where).distinct().limit(10)
            found = database.execute(query).all()
            if len(found) != 1:
                raise _not_one(reference, [_title(*row[1:]) for row in found])
            build = _one(database, Kind.BUILD, found[0].id)
            attempts = _children(database, Kind.BUILD_INSTANCE, "build_id", [build.id])
            ordered = sorted(attempts, key=lambda one: int(one.data["attempt"]))
            return BuildView(build, tuple(_views(database, build, ordered)))

    def instance(self, id: UUID) -> InstanceView:  # noqa: A002 - what it is
        """One attempt by its id. Raises `NoSuchObject`."""
        with reading(self._engine) as database:
            found = _one(database, Kind.BUILD_INSTANCE, id)
            build = _one(database, Kind.BUILD, UUID(found.data["build_id"]))
            return _views(database, build, [found])[0]

    def open_instances(self, connection: str) -> tuple[BuildRef, ...]:
        """The attempts of a connection that are not finished, oldest first."""
        query = (
            sa.select(_BUILD.c.data, _INSTANCE.c.attempt)
            .join(_INSTANCE, _INSTANCE.c.build_id == _BUILD.c.id)
            .where(_INSTANCE.c.connection == connection, _INSTANCE.c.state != State.FINISHED.value)
            .where(_INSTANCE.c.destroyed_at.is_(None))
            .order_by(_INSTANCE.c.id)
        )
        with reading(self._engine) as database:
            rows = [(json.loads(row.data), row.attempt) for row in database.execute(query)]
        return tuple(
            BuildRef(pipeline=data["pipeline"], build=data["external_id"], attempt=attempt)
            for data, attempt in rows
        )

    def kept_logs(self, connection: str, ref: BuildRef) -> dict[str, BuildLog]:
        """The complete logs of an attempt, by name: they need not be read from the vendor again."""
        log, place = OBJECTS[Kind.BUILD_LOG], key(ref.pipeline, ref.build, str(ref.attempt))
        query = (
            _select(log)
            .join(_INSTANCE, _INSTANCE.c.id == log.c.instance_id)
            .where(_INSTANCE.c.connection == connection, _INSTANCE.c.key == place, log.c.complete)
        )
        with reading(self._engine) as database:
            records = [_record(Kind.BUILD_LOG, row) for row in database.execute(query)]
        return {one.data["name"]: BuildLog.model_validate(one.fields()) for one in records}

    def objects(
        self,
        kind: Kind,
        *,
        connection: str | None = None,
        after: UUID | None = None,
        limit: int = 100,
        destroyed: bool = False,
    ) -> tuple[Record, ...]:
        """Objects of a class in the order they were first seen; destroyed ones only when asked for.

        Entries have columns only: `entries` lists them.
        """
        table = OBJECTS[kind]
        query = _select(table).order_by(table.c.id).limit(limit)
        query = query if destroyed else query.where(table.c.destroyed_at.is_(None))
        query = query.where(table.c.connection == connection) if connection is not None else query
        query = query.where(table.c.id > after) if after is not None else query
        with reading(self._engine) as database:
            return tuple(_record(kind, row) for row in database.execute(query))

    def object(self, kind: Kind, id: UUID) -> Record:  # noqa: A002 - what it is
        """One object by its id. Raises `NoSuchObject`."""
        with reading(self._engine) as database:
            return _one(database, kind, id)

    def by_key(self, kind: Kind, connection: str, key: str) -> Record | None:
        """The object of a connection with this key (see `ingest.keys`), if it was ever seen."""
        table = OBJECTS[kind]
        query = _select(table).where(table.c.connection == connection, table.c.key == key)
        with reading(self._engine) as database:
            row = database.execute(query).first()
            return row and _record(kind, row)

    def logs(self, instance: UUID) -> tuple[Record, ...]:
        """The logs of one attempt."""
        with reading(self._engine) as database:
            return tuple(_children(database, Kind.BUILD_LOG, "instance_id", [instance]))

    def pipeline(self, connection: str, name: str) -> Record | None:
        """A pipeline of a connection by its name, unless it was never seen or is destroyed."""
        query = _select(_PIPELINE).where(
            _PIPELINE.c.connection == connection, _PIPELINE.c.name == name, _PIPELINE.c.destroyed_at.is_(None)
        )
        with reading(self._engine) as database:
            row = database.execute(query).first()
            return row and _record(Kind.PIPELINE, row)

    def entries(
        self, *, after: int = -1, limit: int = 100, build: UUID | None = None
    ) -> tuple[EntryView, ...]:
        """Entries past the position `after`, in the order of the tree, then those that are not yet sealed.

        With `build` only those in the ledgers of the attempts of that build.
        """
        with reading(self._engine) as database:
            if build is not None:
                return _entries_of(database, build, after, limit)
            sealed = _entries(database, _sealed().where(_SEAL.c.position > after).limit(limit))
            if len(sealed) == limit:
                return sealed
            return sealed + _entries(database, _unsealed().limit(limit - len(sealed)))

    def events(self, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Events past the number `after`, in order. None that becomes visible later has a smaller number."""
        query = _OUTBOX.select().where(_OUTBOX.c.sequence > after).order_by(_OUTBOX.c.sequence).limit(limit)
        with reading(self._engine) as database:
            return tuple(_event(row) for row in database.execute(query))

    def last_event(self) -> int:
        """The number of the newest event; 0 when there is none."""
        with reading(self._engine) as database:
            found: int = database.execute(_count(_OUTBOX.c.sequence)).scalar_one()
            return found

    def counts(self) -> Counts:
        """How much of everything there is."""
        with reading(self._engine) as database:
            objects = {
                kind: database.execute(
                    sa.select(sa.func.count()).select_from(table).where(table.c.destroyed_at.is_(None))
                ).scalar_one()
                for kind, table in OBJECTS.items()
            }
            entries = database.execute(sa.select(sa.func.count()).select_from(_ENTRY)).scalar_one()
            sealed = database.execute(_count(_SEAL.c.position, empty=-1)).scalar_one() + 1
            events = database.execute(_count(_OUTBOX.c.sequence)).scalar_one()
        return Counts({**objects, Kind.LEDGER_ENTRY: entries}, entries, entries - sealed, events)

    def unsealed(self) -> int:
        """How many entries have no place in the tree yet."""
        with reading(self._engine) as database:
            found: int = database.execute(
                sa.select(sa.func.count()).select_from(_unsealed().order_by(None).subquery())
            ).scalar_one()
            return found

    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint; keep it elsewhere to prove later that nothing was rewritten."""
        table = tables.checkpoint
        with reading(self._engine) as database:
            row = database.execute(table.select().order_by(table.c.size.desc()).limit(1)).one_or_none()
            return row and as_checkpoint(row)

    def connections(self, *, due: datetime | None = None) -> tuple[ConnectionRow, ...]:
        """How polling stands for each connection, the most urgent first; with `due` only the free ones due then."""
        table = tables.connection
        query = table.select().order_by(table.c.due_at, table.c.name)
        if due is not None:
            free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= due)
            query = query.where(table.c.due_at <= due, free)
        with reading(self._engine) as database:
            return tuple(
                ConnectionRow(**{**row._mapping, "cursor": json.loads(row.cursor)})  # noqa: SLF001 - public in SQLAlchemy
                for row in database.execute(query)
            )

    def publication(self, connection: str, pipeline: str) -> Publication | None:
        """What was last applied for a pipeline, if anything was."""
        found = self.publications(connection=connection, pipeline=pipeline)
        return found[0] if found else None

    def publications(
        self, *, connection: str | None = None, pipeline: str | None = None
    ) -> tuple[Publication, ...]:
        """What was last applied, by connection and pipeline."""
        table = tables.publication
        query = table.select().order_by(table.c.connection, table.c.pipeline)
        for column, value in ((table.c.connection, connection), (table.c.pipeline, pipeline)):
            query = query.where(column == value) if value is not None else query
        with reading(self._engine) as database:
            rows = [dict(row._mapping) for row in database.execute(query)]  # noqa: SLF001 - public in SQLAlchemy
        return tuple(
            Publication(**row | {name: json.loads(row[name]) for name in ("model", "documents")})
            for row in rows
        )


def _builds() -> sa.Join:
    return _BUILD.join(_INSTANCE, _INSTANCE.c.build_id == _BUILD.c.id).join(
        _PIPELINE, _PIPELINE.c.id == _BUILD.c.pipeline_id
    )


def _newest_attempt() -> sa.ScalarSelect[Any]:
    other = _INSTANCE.alias()
    return sa.select(sa.func.max(other.c.attempt)).where(other.c.build_id == _BUILD.c.id).scalar_subquery()


def _count(column: sa.Column[Any], empty: int = 0) -> sa.Select[Any]:
    """Tables that number their rows without gaps know how many they have."""
    return sa.select(sa.func.coalesce(sa.func.max(column), empty))


def _place(database: sa.Connection, build: UUID, moment: sa.ColumnElement[Any]) -> sa.Tuple:
    where = sa.and_(_BUILD.c.id == build, _INSTANCE.c.attempt == _newest_attempt())
    row = database.execute(sa.select(moment).select_from(_builds()).where(where)).one_or_none()
    if row is None:
        raise NoSuchObject(f"the ledger has no build {build}")
    return sa.tuple_(sa.literal(row[0], tables.UTCDateTime), sa.literal(build, sa.Uuid))


def _named(number: str, *, pipeline: str | None, connection: str | None) -> sa.ColumnElement[bool]:
    ways = [_BUILD.c.name == number]
    if number.isdecimal() and len(number) < len(str(2**63)):
        ways.append(_BUILD.c.number == int(number))
    digits = number.replace("-", "").lower()
    if _SHORTEST_PREFIX <= len(digits) <= len(UUID(int=0).hex) and not set(digits) - set("0123456789abcdef"):
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        ways += [_BUILD.c.id.between(first, last), _INSTANCE.c.id.between(first, last)]
    found = sa.or_(*ways)
    found = sa.and_(found, _PIPELINE.c.name == pipeline) if pipeline else found
    return sa.and_(found, _BUILD.c.connection == connection) if connection else found


def _title(connection: str, number: int | None, name: str, pipeline: str) -> str:
    return f"{pipeline}#{name if number is None else number} at {connection}"


def _not_one(reference: str, titles: Sequence[str]) -> NoSuchObject:
    if not titles:
        return NoSuchObject(
            f"the ledger has no build {reference!r}", remedy="`pipemgr build list` shows them"
        )
    return NoSuchObject(
        f"{reference!r} is the name of several builds: {', '.join(sorted(titles))}",
        remedy="write PIPELINE#NUMBER, and name the connection if it has the same at several",
    )


def _select(*selected: sa.Table, extra: Sequence[sa.ColumnElement[Any]] = ()) -> sa.Select[Any]:
    """The columns of `_RECORD`, of each table in turn: a row's values are found by their places."""
    return sa.select(
        *(table.c[name].label(f"{name}_{place}") for place, table in enumerate(selected) for name in _RECORD),
        *extra,
    )


def _record(kind: Kind, row: Any, place: int = 0) -> Record:
    first = place * len(_RECORD)
    id_, connection, key, data, *times = row[first : first + len(_RECORD)]
    return Record(kind, id_, connection, key, json.loads(data), *times)


def _one(database: sa.Connection, kind: Kind, number: UUID) -> Record:
    table = OBJECTS[kind]
    row = database.execute(_select(table).where(table.c.id == number)).one_or_none()
    if row is None:
        raise NoSuchObject(f"the ledger has no {kind} {number}")
    return _record(kind, row)


def _children(database: sa.Connection, kind: Kind, column: str, parents: Sequence[UUID]) -> list[Record]:
    table = OBJECTS[kind]
    query = (
        _select(table)
        .where(table.c[column].in_(parents), table.c.destroyed_at.is_(None))
        .order_by(table.c.id)
    )
    return [_record(kind, row) for row in database.execute(query)]


def _views(database: sa.Connection, build: Record, instances: Sequence[Record]) -> list[InstanceView]:
    """The attempts with all that is below them, in seven queries however many they are."""
    ids = [one.id for one in instances]

    def below(kind: Kind) -> dict[str, list[Record]]:
        return _grouped(_children(database, kind, "instance_id", ids), "instance_id")

    ledgers, stages, logs = below(Kind.BUILD_LEDGER), below(Kind.STAGE_INSTANCE), below(Kind.BUILD_LOG)
    artifacts, deliverables = below(Kind.ARTIFACT), below(Kind.DELIVERABLE)
    steps = _grouped(_children(database, Kind.STEP_INSTANCE, "instance_id", ids), "stage_instance_id")
    return [
        InstanceView(
            build,
            one,
            next(iter(ledgers.get(str(one.id), ())), None),
            tuple(
                StageView(stage, tuple(steps.get(str(stage.id), ()))) for stage in stages.get(str(one.id), ())
            ),
            tuple(logs.get(str(one.id), ())),
            tuple(artifacts.get(str(one.id), ())),
            tuple(deliverables.get(str(one.id), ())),
        )
        for one in instances
    ]


def _grouped(records: list[Record], column: str) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for one in records:
        groups.setdefault(one.data[column], []).append(one)
    return groups


def _sealed() -> sa.Select[Any]:
    joined = _SEAL.join(_ENTRY, _ENTRY.c.id == _SEAL.c.entry)
    return sa.select(_SEAL.c.position, *_ENTRY.c).select_from(joined).order_by(_SEAL.c.position)


def _unsealed() -> sa.Select[Any]:
    """Entries whose events come after the last sealed one."""
    last = sa.select(_SEAL.c.sequence).order_by(_SEAL.c.position.desc()).limit(1).scalar_subquery()
    return (
        sa.select(sa.null().label("position"), *_ENTRY.c)
        .select_from(_OUTBOX.join(_ENTRY, _ENTRY.c.id == _OUTBOX.c.id))
        .where(_OUTBOX.c.sequence > sa.func.coalesce(last, 0))
        .order_by(_OUTBOX.c.sequence)
    )


def _entries_of(database: sa.Connection, build: UUID, after: int, limit: int) -> tuple[EntryView, ...]:
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
    return _entries(database, query)


def _entries(database: sa.Connection, query: sa.Select[Any]) -> tuple[EntryView, ...]:
    return tuple(EntryView(entry_row(row).entry(), row.position) for row in database.execute(query))


def _event(row: Any) -> Event:
    return Event(
        sequence=row.sequence,
        id=row.id,
        name=row.name,
        subject=row.subject,
        time=row.time,
        data=json.loads(row.data),
        changed=tuple(json.loads(row.changed)),
    )
