"""Pending: attempts that were found and still have to be looked at, and those that could not be (the quarantine)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pipemgr.model.events import Kind
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import State

from .keys import attempt_key
from .prior import CHUNK
from .tables import OBJECTS
from .tables import pending as table

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
"""How long an attempt that could not be read is left alone: twice as long each time."""
LONGEST_NAME = 2000
"""Bytes of an attempt's names: PostgreSQL indexes no more than about 2,700."""
_INSTANCE = OBJECTS[Kind.BUILD_INSTANCE]
_NAMED = 100
"""Attempts that one statement names."""
_KEY = (table.c.pipeline, table.c.build, table.c.attempt)


class Source(StrEnum):
    """Who told of an attempt, the most urgent first."""

    HINT = "hint"
    """A webhook."""
    POLL = "poll"
    """A live poll."""
    SWEEP = "sweep"
    """A walk through the past after the first one: a poll should have told of it."""
    HISTORY = "history"
    """The first walk through the past, which fills the ledger."""


PAST = frozenset({Source.SWEEP, Source.HISTORY})
"""What has time."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An attempt to look at. It is in quarantine when that was tried before: `error` says why it failed."""

    connection: str
    ref: BuildRef
    source: Source
    seen_at: datetime
    due_at: datetime
    tries: int = 0
    error: str | None = None


def can_be_kept(ref: BuildRef) -> bool:
    """Whether the names of an attempt are text that both databases take."""
    try:
        size = len(ref.pipeline.encode()) + len(ref.build.encode())
    except UnicodeEncodeError:
        return False
    return size <= LONGEST_NAME and "\x00" not in ref.pipeline + ref.build and ref.attempt < 2**63


def put(
    database: sa.Connection, connection: str, refs: Iterable[BuildRef], source: Source, now: datetime
) -> int:
    """Keep attempts to be looked at, unless the ledger knows them; how many were not pending before.

    A hint makes what is pending due at once, and is also kept for what the ledger knows but not to its end.
    """
    wanted = {attempt_key(ref): ref for ref in refs}
    known = states(database, connection, tuple(wanted))
    settled = (State.FINISHED,) if source is Source.HINT else tuple(State)
    refs = [ref for key, ref in wanted.items() if known.get(key) not in settled]
    there = _there(database, connection, refs)
    if source is Source.HINT:
        mine = table.update().where(table.c.connection == connection).values(source=source, due_at=now)
        for which in _chunks(tuple(there)):
            database.execute(mine.where(which))
    new = [ref for ref in refs if ref not in there]
    _insert(database, connection, new, source, now)
    return len(new)


def fail(  # noqa: PLR0913 - which one, who told of it, what went wrong and when
    database: sa.Connection, connection: str, ref: BuildRef, source: Source, error: str, now: datetime
) -> None:
    """Count a failure to read an attempt, pending or not, and leave it alone for a while."""
    if not _there(database, connection, [ref]):
        _insert(database, connection, [ref], source, now)
    tries = database.execute(sa.select(table.c.tries).where(_is(connection, ref))).scalar_one()
    values = {"tries": tries + 1, "error": error.replace("\x00", "\ufffd"), "due_at": now + pause(tries)}
    database.execute(table.update().where(_is(connection, ref)).values(**values))


def pause(tries: int) -> timedelta:
    """How long to leave an attempt alone that failed `tries` times before this one."""
    longer: timedelta = FIRST_PAUSE * 2 ** min(tries, 10)
    return min(longer, LONGEST_PAUSE)


def done(database: sa.Connection, connection: str, refs: Sequence[BuildRef]) -> int:
    """Forget attempts that were looked at, or given up; how many were there."""
    mine = table.c.connection == connection
    return sum(database.execute(table.delete().where(mine, which)).rowcount for which in _chunks(refs))


def retry(
    database: sa.Connection, connection: str | None, refs: Sequence[BuildRef], now: datetime
) -> dict[str, int]:
    """Make what is in quarantine due now: these attempts, or all of a connection, or of all; how many of each."""
    which = sa.or_(*(_names(ref) for ref in refs)) if refs else sa.true()
    mine = table.c.connection == connection if connection is not None else sa.true()
    where = sa.and_(mine, which, table.c.tries > 0)
    counted = sa.select(table.c.connection, sa.func.count()).where(where).group_by(table.c.connection)
    found = dict(map(tuple, database.execute(counted)))
    database.execute(table.update().where(where).values(due_at=now))
    return found


def forget_new(database: sa.Connection, connection: str) -> None:
    """Forget what nobody has looked at yet."""
    database.execute(table.delete().where(table.c.connection == connection, table.c.tries == 0))


def due(database: sa.Connection, connection: str, now: datetime, limit: int) -> list[Pending]:
    """What is to be looked at now, the most urgent first."""
    found: list[Pending] = []
    for source in Source:
        query = (
            table.select()
            .where(table.c.connection == connection, table.c.source == source, table.c.due_at <= now)
            .order_by(table.c.due_at, *_KEY)
            .limit(limit - len(found))
        )
        found += map(_pending, database.execute(query)) if len(found) < limit else ()
    return found


def failed(database: sa.Connection, connection: str | None = None, limit: int = 1000) -> list[Pending]:
    """What is in quarantine, by connection and name."""
    query = table.select().where(table.c.tries > 0).order_by(table.c.connection, *_KEY).limit(limit)
    query = query.where(table.c.connection == connection) if connection is not None else query
    return [_pending(row) for row in database.execute(query)]


def count(database: sa.Connection, connection: str, due: datetime | None = None) -> dict[Source, int]:
    """How many are pending, by who told of them; with `due` only those that are to be looked at by then."""
    query = sa.select(table.c.source, sa.func.count()).where(table.c.connection == connection)
    query = query.where(table.c.due_at <= due) if due is not None else query
    rows = database.execute(query.group_by(table.c.source)).all()
    return {Source(source): number for source, number in rows}


def states(database: sa.Connection, connection: str, keys: Sequence[str]) -> dict[str, str]:
    """How far the attempts of these keys are, of those that the ledger has."""
    found: dict[str, str] = {}
    for start in range(0, len(keys), CHUNK):
        query = sa.select(_INSTANCE.c.key, _INSTANCE.c.state).where(
            _INSTANCE.c.connection == connection, _INSTANCE.c.key.in_(keys[start : start + CHUNK])
        )
        found.update((row.key, row.state) for row in database.execute(query))
    return found


def _there(database: sa.Connection, connection: str, refs: Sequence[BuildRef]) -> set[BuildRef]:
    """Which of these are pending."""
    mine = table.c.connection == connection
    rows = (row for which in _chunks(refs) for row in database.execute(sa.select(*_KEY).where(mine, which)))
    return set(map(_ref, rows))


def _chunks(refs: Sequence[BuildRef]) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions that name some of these each: few enough for both databases."""
    for start in range(0, len(refs), _NAMED):
        yield sa.or_(*(_names(ref) for ref in refs[start : start + _NAMED]))


def _insert(
    database: sa.Connection, connection: str, refs: Sequence[BuildRef], source: Source, now: datetime
) -> None:
    rows = [
        {
            "connection": connection,
            "pipeline": ref.pipeline,
            "build": ref.build,
            "attempt": ref.attempt,
            "source": source,
            "seen_at": now,
            "due_at": now,
            "tries": 0,
        }
        for ref in refs
    ]
    if rows:
        database.execute(table.insert(), rows)


def _names(ref: BuildRef) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.pipeline == ref.pipeline, table.c.build == ref.build, table.c.attempt == ref.attempt
    )


def _is(connection: str, ref: BuildRef) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.connection == connection, _names(ref))


def _ref(row: Any) -> BuildRef:
    return BuildRef(pipeline=row.pipeline, build=row.build, attempt=row.attempt)


def _pending(row: Any) -> Pending:
    return Pending(
        row.connection, _ref(row), Source(row.source), row.seen_at, row.due_at, row.tries, row.error
    )
