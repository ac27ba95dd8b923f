"""Retention: lets go of old logs and builds, by policy. What the ledger says about them stays for ever.

An object that goes has its `destroy` event and entry, as any other change; its row stays as the mark of what was
here, so that a walk through the vendor's past does not bring it back (`ingest.delta`). A blob goes when no live
object refers to it. All is done in small transactions, each of which takes what is due then: it can be broken off
at any moment, run twice at once, and beside polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import sqlalchemy as sa

from pipemgr.model.events import Change, Kind

from . import Ledger, tables
from .change import ObjectChange
from .prior import CHUNK
from .store import Transaction
from .tables import OBJECTS

BATCH = 100
"""Builds, or logs, that go in one transaction: others get in between."""
GRACE = timedelta(days=1)
"""How long a blob is kept that no row refers to: its row may be about to be written."""
OBSERVER = "retention"
_BELOW = (
    Kind.BUILD_LOG,
    Kind.DELIVERABLE,
    Kind.ARTIFACT,
    Kind.STEP_INSTANCE,
    Kind.STAGE_INSTANCE,
    Kind.BUILD_LEDGER,
)
_BUILD, _ATTEMPT, _LOG = (OBJECTS[kind] for kind in (Kind.BUILD, Kind.BUILD_INSTANCE, Kind.BUILD_LOG))
_ended = sa.func.coalesce(_ATTEMPT.c.finished_at, _ATTEMPT.c.updated_at)

Going: TypeAlias = tuple[Kind, Any]
"""An object that goes: its class and row."""
Below: TypeAlias = Callable[[Transaction, Sequence[Any]], Iterator[Going]]


@dataclass(frozen=True, slots=True)
class Policy:
    """What goes: logs and builds of attempts that ended before these moments; None: none of them."""

    logs: datetime | None = None
    builds: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retained:
    """What went, or would go: builds (with all below them), logs of builds that stay, and files with their bytes."""

    builds: int = 0
    logs: int = 0
    files: int = 0
    bytes: int = 0


def retain(ledger: Ledger, policy: Policy, now: datetime) -> Retained:
    """Let go of what the policy says, and of files that nobody refers to. Raises `LedgerError`."""
    builds = logs = 0
    if policy.builds is not None:
        builds = _repeat(ledger, _old_builds(policy.builds), _builds_below, f"ended before {policy.builds}")
    if policy.logs is not None:
        logs = _repeat(ledger, _old_logs(policy.logs), _as_logs, f"its build ended before {policy.logs}")
    files, size = sweep(ledger, now - GRACE)
    return Retained(builds, logs, files, size)


def due(engine: sa.Engine, policy: Policy) -> Retained:
    """What `retain` would let go of now, but for the files."""
    with engine.connect() as database:
        builds = _count(database, _old_builds(policy.builds)) if policy.builds else 0
        logs = _old_logs(policy.logs) if policy.logs else None
        if logs is not None and policy.builds:
            inside = _old_builds(policy.builds).with_only_columns(_BUILD.c.id)
            logs = logs.where(_ATTEMPT.c.build_id.not_in(inside))
        return Retained(builds, 0 if logs is None else _count(database, logs))


def sweep(ledger: Ledger, before: datetime) -> tuple[int, int]:
    """Remove the files that were put before this moment and that nobody refers to; how many, and their bytes."""
    files = size = 0
    for some in _chunks(ledger.blobs.forgotten(before)):
        with ledger.engine.connect() as database:
            wanted = referred(database, [digest for digest, _ in some])
        for digest, path in some:
            if digest not in wanted:
                length = path.stat().st_size if path.exists() else 0
                if ledger.blobs.remove(path, before):
                    files, size = files + 1, size + length
    return files, size


def referred(database: sa.Connection, digests: Sequence[str]) -> set[str]:
    """Those of the digests that a live log or artifact has."""
    found: set[str] = set()
    for kind, alive in tables.alive.items():
        column = OBJECTS[kind].c.content
        found.update(database.execute(sa.select(column).where(column.in_(digests), alive)).scalars())
    return found


def _repeat(ledger: Ledger, query: sa.Select[Any], below: Below, reason: str) -> int:
    """Let go of what the query finds, in one pass through the ids of each connection."""
    id_, connection = query.selected_columns.id, query.selected_columns.connection
    with ledger.engine.connect() as database:
        names = database.execute(sa.select(_BUILD.c.connection).distinct()).scalars().all()
    total = 0
    for name in names:
        last = UUID(int=0)
        while True:
            page = query.where(connection == name, id_ > last).order_by(id_).limit(BATCH)
            with ledger.engine.connect() as database:
                found = [row.id for row in database.execute(page)]
            if not found:
                break
            with ledger.store.transaction(name) as transaction:
                # Once more, under the lock: a poll may just have begun one of them anew.
                rows = transaction.database.execute(query.where(id_.in_(found))).all()
                transaction.apply(_changes(below(transaction, rows), reason), observer=OBSERVER)
            total += len(rows)
            last = found[-1]
    return total


def _old_builds(before: datetime) -> sa.Select[Any]:
    """Builds all of whose attempts ended before this moment."""
    mine = sa.and_(_ATTEMPT.c.build_id == _BUILD.c.id, _ATTEMPT.c.destroyed_at.is_(None))
    young = sa.exists().where(mine, sa.or_(tables.is_open, _ATTEMPT.c.state.is_(None), _ended >= before))
    old = sa.exists().where(mine)
    return sa.select(_BUILD).where(_BUILD.c.destroyed_at.is_(None), old, ~young)


def _old_logs(before: datetime) -> sa.Select[Any]:
    """Logs with a text of attempts that ended before this moment."""
    ended = (_ATTEMPT.c.state == "finished", _ended < before)
    joined = _LOG.join(_ATTEMPT, _ATTEMPT.c.id == _LOG.c.instance_id)
    has_text = _LOG.c.content.is_not(None)
    return sa.select(_LOG).select_from(joined).where(tables.alive[Kind.BUILD_LOG], has_text, *ended)


def _builds_below(transaction: Transaction, builds: Sequence[Any]) -> Iterator[Going]:
    """The builds and all that is below them, from below."""
    database = transaction.database
    attempts = _rows(database, Kind.BUILD_INSTANCE, "build_id", [one.id for one in builds])
    ids = [one.id for one in attempts]
    for kind in _BELOW:
        yield from ((kind, row) for row in _rows(database, kind, "instance_id", ids))
    yield from ((Kind.BUILD_INSTANCE, row) for row in attempts)
    yield from ((Kind.BUILD, row) for row in builds)


def _as_logs(_transaction: Transaction, logs: Sequence[Any]) -> Iterator[Going]:
    return ((Kind.BUILD_LOG, row) for row in logs)


def _rows(database: sa.Connection, kind: Kind, column: str, parents: Sequence[UUID]) -> list[Any]:
    table = OBJECTS[kind]
    found: list[Any] = []
    for start in range(0, len(parents), CHUNK):
        some = table.c[column].in_(parents[start : start + CHUNK])
        found += database.execute(table.select().where(some, table.c.destroyed_at.is_(None))).all()
    return found


def _changes(going: Iterator[Going], reason: str) -> Iterator[ObjectChange]:
    for kind, row in going:
        message = f"{kind} {row.key} let go by the retention policy: {reason}"
        yield ObjectChange(kind, Change.DESTROY, str(row.id), row.connection, row.key, row.data, message)


def _count(database: sa.Connection, query: sa.Select[Any]) -> int:
    found: int = database.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    return found


def _chunks(values: Iterator[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for one in values:
        some.append(one)
        if len(some) == CHUNK:
            yield some
            some = []
    if some:
        yield some


def faults(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """The live logs whose text is missing or altered: their keys, and what is wrong."""
    with ledger.engine.connect() as database:
        query = sa.select(_LOG.c.key, _LOG.c.content).where(
            tables.alive[Kind.BUILD_LOG], _LOG.c.content.is_not(None)
        )
        for key, digest in database.execute(query.execution_options(stream_results=True, yield_per=CHUNK)):
            fault = ledger.blobs.fault(digest)
            if fault is not None:
                yield key, fault
