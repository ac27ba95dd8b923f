"""Queries: the only reader. Each call sees one moment of the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from pipemgr.model.events import Event, Kind
from pipemgr.model.ledger import Checkpoint
from pipemgr.model.runs import BuildLog, BuildRef
from pipemgr.model.status import Result, State

from . import budgets, gaps, tables
from . import pending as pending_rows
from .budgets import BudgetRow
from .engine import reading
from .gaps import GapRow, Hole
from .keys import attempt_key, key
from .pending import Pending, Source
from .seal import as_checkpoint
from .selects import (
    children,
    entry_views,
    entry_views_of,
    events,
    field,
    highest,
    instance_views,
    joined_builds,
    like,
    named_build,
    newest_attempt,
    not_one,
    one_record,
    past,
    record,
    sealed_entries,
    selected,
    title,
    unsealed_entries,
)
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
)

_PIPELINE, _BUILD, _INSTANCE = (OBJECTS[kind] for kind in (Kind.PIPELINE, Kind.BUILD, Kind.BUILD_INSTANCE))
_ENTRY, _SEAL, _OUTBOX = tables.ledger_entry, tables.seal, tables.outbox


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
        commit: str | None = None,
        actor: str | None = None,
        trigger: str | None = None,
        state: State | None = None,
        result: Result | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        every_attempt: bool = False,
        before: UUID | None = None,
        limit: int = 50,
    ) -> tuple[BuildRow, ...]:
        """Builds with their newest attempt, newest first; with `every_attempt` a row for each of their attempts.

        `pipeline` and `branch` are names or globs, `commit` may be the beginning of one. `state` and `result` are
        those of the attempt; it was queued at `since` or later, and before `until`. `before` is the id of the last
        build of the page before.
        """
        wanted = {
            _INSTANCE.c.connection: connection,
            field(self._engine, _BUILD, "actor"): actor,
            field(self._engine, _BUILD, "trigger"): trigger,
            _INSTANCE.c.state: state and state.value,
            _INSTANCE.c.result: result and result.value,
        }
        globs = ((_PIPELINE.c.name, pipeline), (_BUILD.c.branch, branch))
        query = (
            selected(_BUILD, _INSTANCE, extra=(_PIPELINE.c.name.label("pipeline"),))
            .select_from(joined_builds())
            .where(_BUILD.c.destroyed_at.is_(None), _INSTANCE.c.destroyed_at.is_(None))
            .where(*(column == value for column, value in wanted.items() if value is not None))
            .where(*(like(column, glob) for column, glob in globs if glob is not None))
            .order_by(tables.moment.desc(), _INSTANCE.c.build_id.desc())
            .limit(limit)
        )
        query = query if every_attempt else query.where(_INSTANCE.c.attempt == newest_attempt())
        query = query.where(_BUILD.c.revision.startswith(commit, autoescape=True)) if commit else query
        query = query.where(tables.moment >= since) if since else query
        query = query.where(tables.moment < until) if until else query
        with reading(self._engine) as database:
            if before is not None:
                query = query.where(past(database, before))
            return tuple(
                BuildRow(record(Kind.BUILD, row, 0), record(Kind.BUILD_INSTANCE, row, 1), row.pipeline)
                for row in database.execute(query)
            )

    def build(
        self, reference: str, *, connection: str | None = None, pipeline: str | None = None
    ) -> BuildView:
        """A build by its number, `PIPELINE#NUMBER`, id (its own or an attempt's) or the beginning of an id.

        Raises `NoSuchObject` when there is none, and when there are several.
        """
        name, _, number = reference.rpartition("#")
        where = named_build(number, pipeline=name or pipeline, connection=connection)
        with reading(self._engine) as database:
            columns = (_BUILD.c.id, _BUILD.c.connection, _BUILD.c.number, _BUILD.c.name, _PIPELINE.c.name)
            query = sa.select(*columns).select_from(joined_builds()).where(where).distinct().limit(10)
            found = database.execute(query).all()
            if len(found) != 1:
                raise not_one(reference, [title(*row[1:]) for row in found])
            build = one_record(database, Kind.BUILD, found[0].id)
            attempts = children(database, Kind.BUILD_INSTANCE, "build_id", [build.id])
            ordered = sorted(attempts, key=lambda one: int(one.data["attempt"]))
            return BuildView(build, tuple(instance_views(database, build, ordered)))

    def instance(self, id: UUID) -> InstanceView:  # noqa: A002 - what it is
        """One attempt by its id. Raises `NoSuchObject`."""
        with reading(self._engine) as database:
            found = one_record(database, Kind.BUILD_INSTANCE, id)
            build = one_record(database, Kind.BUILD, UUID(found.data["build_id"]))
            return instance_views(database, build, [found])[0]

    def open_instances(self, connection: str) -> tuple[BuildRef, ...]:
        """The attempts of a connection that are not finished, oldest first."""
        query = (
            sa.select(_BUILD.c.data, _INSTANCE.c.attempt)
            .join(_INSTANCE, _INSTANCE.c.build_id == _BUILD.c.id)
            .where(_INSTANCE.c.connection == connection, tables.is_open, _INSTANCE.c.destroyed_at.is_(None))
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
            selected(log)
            .join(_INSTANCE, _INSTANCE.c.id == log.c.instance_id)
            .where(_INSTANCE.c.connection == connection, _INSTANCE.c.key == place, log.c.complete)
        )
        with reading(self._engine) as database:
            records = [record(Kind.BUILD_LOG, row) for row in database.execute(query)]
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
        query = selected(table).order_by(table.c.id).limit(limit)
        query = query if destroyed else query.where(table.c.destroyed_at.is_(None))
        query = query.where(table.c.connection == connection) if connection is not None else query
        query = query.where(table.c.id > after) if after is not None else query
        with reading(self._engine) as database:
            return tuple(record(kind, row) for row in database.execute(query))

    def object(self, kind: Kind, id: UUID) -> Record:  # noqa: A002 - what it is
        """One object by its id. Raises `NoSuchObject`."""
        with reading(self._engine) as database:
            return one_record(database, kind, id)

    def by_key(self, kind: Kind, connection: str, key: str) -> Record | None:
        """The object of a connection with this key (see `ingest.keys`), if it was ever seen."""
        table = OBJECTS[kind]
        query = selected(table).where(table.c.connection == connection, table.c.key == key)
        with reading(self._engine) as database:
            row = database.execute(query).first()
            return row and record(kind, row)

    def pipeline(self, connection: str, name: str) -> Record | None:
        """A pipeline of a connection by its name, unless it was never seen or is destroyed."""
        query = selected(_PIPELINE).where(
            _PIPELINE.c.connection == connection, _PIPELINE.c.name == name, _PIPELINE.c.destroyed_at.is_(None)
        )
        with reading(self._engine) as database:
            row = database.execute(query).first()
            return row and record(Kind.PIPELINE, row)

    def entries(
        self, *, after: int = -1, limit: int = 100, build: UUID | None = None
    ) -> tuple[EntryView, ...]:
        """Entries past the position `after`, in the order of the tree, then those that are not yet sealed.

        With `build` only those in the ledgers of the attempts of that build.
        """
        with reading(self._engine) as database:
            if build is not None:
                return entry_views_of(database, build, after, limit)
            sealed = entry_views(database, sealed_entries().where(_SEAL.c.position > after).limit(limit))
            if len(sealed) == limit:
                return sealed
            return sealed + entry_views(database, unsealed_entries().limit(limit - len(sealed)))

    def events(self, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Events past the number `after`, in order. None that becomes visible later has a smaller number."""
        query = _OUTBOX.select().where(_OUTBOX.c.sequence > after).order_by(_OUTBOX.c.sequence).limit(limit)
        with reading(self._engine) as database:
            return events(database, query)

    def last_event(self) -> int:
        """The number of the newest event; 0 when there is none."""
        with reading(self._engine) as database:
            found: int = database.execute(highest(_OUTBOX.c.sequence)).scalar_one()
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
            sealed = database.execute(highest(_SEAL.c.position, empty=-1)).scalar_one() + 1
            events = database.execute(highest(_OUTBOX.c.sequence)).scalar_one()
        return Counts({**objects, Kind.LEDGER_ENTRY: entries}, entries, entries - sealed, events)

    def unsealed(self) -> int:
        """How many entries have no place in the tree yet."""
        with reading(self._engine) as database:
            found: int = database.execute(
                sa.select(sa.func.count()).select_from(unsealed_entries().order_by(None).subquery())
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

    def states(self, connection: str, refs: Sequence[BuildRef]) -> dict[BuildRef, State]:
        """How far these attempts are, of those that the ledger has."""
        wanted = {attempt_key(ref): ref for ref in refs}
        with reading(self._engine) as database:
            found = pending_rows.states(database, connection, tuple(wanted))
        return {wanted[key]: State(state) for key, state in found.items()}

    def pending(self, connection: str, now: datetime, limit: int) -> list[Pending]:
        """Attempts to look at now, the most urgent first."""
        with reading(self._engine) as database:
            return pending_rows.due(database, connection, now, limit)

    def pending_counts(self, connection: str, due: datetime | None = None) -> dict[Source, int]:
        """How many attempts wait to be looked at, by who told of them; with `due` only those due then."""
        with reading(self._engine) as database:
            return pending_rows.count(database, connection, due)

    def quarantine(self, connection: str | None = None, limit: int = 1000) -> list[Pending]:
        """Attempts that could not be read and are tried again, by connection and name."""
        with reading(self._engine) as database:
            return pending_rows.failed(database, connection, limit)

    def gaps(self, connection: str | None = None, *, closed: bool = False, limit: int = 1000) -> list[GapRow]:
        """Builds that are missing for sure, the newest gap first; closed gaps only when asked for."""
        with reading(self._engine) as database:
            return gaps.listed(database, connection, closed=closed, limit=limit)

    def holes(
        self, connection: str | None = None, pipeline: str | None = None, limit: int = 1000
    ) -> list[Hole]:
        """Numbers between those of a pipeline's builds that no known build has; not always a loss."""
        with reading(self._engine) as database:
            return gaps.holes(database, connection, pipeline, limit)

    def budgets(self) -> list[BudgetRow]:
        """What is left of each credential's budget."""
        with reading(self._engine) as database:
            return budgets.listed(database)

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
