"""Leases: who may poll a connection, until when, and how polling stands afterwards.

A claim raises the connection's fence. Whoever commits shows the fence that it got: a worker that was paused past
its lease finds a higher one and writes nothing, so at most one poll of a connection ever commits. Times come from
the clock of the machine; a wrong clock makes polls early or late, never double.

A lease whose owner is known to be dead may be taken over before it ends. Should that knowledge be wrong, the fence
still keeps the two apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from pipemgr.errors import Busy, NoSuchObject

from .health import STOPPED, Health, after_failure
from .tables import UTCDateTime
from .tables import connection as table


@dataclass(frozen=True, slots=True)
class Standing:
    """How polling of a connection stood when it was claimed."""

    health: Health = Health.OK
    failures: int = 0
    refusals: int = 0
    last_success_at: datetime | None = None
    changed_at: datetime | None = None
    walk: dict[str, Any] | None = None
    walk_since: datetime | None = None
    walked_at: datetime | None = None
    skipped_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to poll a connection until `until`, and the cursor to go on from."""

    name: str
    owner: str
    fence: int
    until: datetime
    cursor: dict[str, Any]
    standing: Standing = Standing()


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims, for how long, and how a dead owner is known."""

    owner: str
    now: datetime
    seconds: float
    is_gone: Callable[[str], bool]
    due_only: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """What kind of failure a poll ended with.

    One that does not count says nothing about the connection: the poll was interrupted, or told to wait. `refused`:
    the credential was; `health`: what the connection is from now on, whatever was before.
    """

    counts: bool = True
    refused: bool = False
    health: Health | None = None


COUNTS = Failure()


def register(connection: sa.Connection, name: str, adapter: str, now: datetime) -> None:
    """Give a connection its row, due at once; change nothing but the adapter when it has one."""
    changed = connection.execute(table.update().where(table.c.name == name).values(adapter=adapter))
    if changed.rowcount == 0:
        row = {"name": name, "adapter": adapter, "due_at": now, "fence": 0, "cursor": "{}"}
        connection.execute(table.insert().values(**row))


def claim(connection: sa.Connection, name: str, how: Claim) -> Lease | None:
    """Take the lease, or None when another holds it (or, with `due_only`, when it is not yet time)."""
    where = sa.and_(table.c.name == name, _free(connection, how, [name]))
    if how.due_only:
        where = sa.and_(where, table.c.due_at <= how.now)
    taken = _take(connection, how, sa.select(table.c.name).where(where))
    if not taken:
        _must_exist(connection, name)
        return None
    return taken[0]


def claim_due(connection: sa.Connection, names: Sequence[str], limit: int, how: Claim) -> list[Lease]:
    """Take the leases of up to `limit` of these connections that are due and free, the most urgent first."""
    where = sa.and_(
        _is_one_of(connection, names),
        table.c.due_at <= how.now,
        table.c.health.not_in(STOPPED),
        _free(connection, how),
    )
    candidates = sa.select(table.c.name).where(where).order_by(table.c.due_at, table.c.name).limit(limit)
    return sorted(_take(connection, how, candidates), key=lambda lease: names.index(lease.name))


def _is_one_of(connection: sa.Connection, names: Sequence[str]) -> sa.ColumnElement[bool]:
    """As one value: ten thousand would cost more to bind than all the rest of a claim."""
    if connection.dialect.name == "postgresql":
        return table.c.name == sa.any_(sa.literal(list(names), ARRAY(sa.Text)))
    listed = sa.func.json_each(sa.literal(json.dumps(list(names)))).table_valued("value")
    return table.c.name.in_(sa.select(listed.c.value))


def _take(connection: sa.Connection, how: Claim, candidates: sa.Select[Any]) -> list[Lease]:
    # SQLite has no SKIP LOCKED and needs none: it has one writer at a time. SQLAlchemy leaves it out there.
    until = how.now + timedelta(seconds=how.seconds)
    rows = connection.execute(
        table.update()
        .where(table.c.name.in_(candidates.with_for_update(skip_locked=True)))
        .values(owner=how.owner, lease_until=until, fence=table.c.fence + 1, claimed_at=how.now)
        .returning(table)
    ).all()
    return [
        Lease(row.name, how.owner, row.fence, until, json.loads(row.cursor), _standing(row)) for row in rows
    ]


def _standing(row: Any) -> Standing:
    known = {name: getattr(row, name) for name in Standing.__slots__}
    walk = None if row.walk is None else json.loads(row.walk)
    return Standing(**known | {"health": Health(row.health), "walk": walk})


def _free(
    connection: sa.Connection, how: Claim, names: Iterable[str] | None = None
) -> sa.ColumnElement[bool]:
    """What is held by nobody, or by somebody whose time is over or who is gone."""
    over = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= how.now)
    owners = sa.select(table.c.owner).where(table.c.owner.is_not(None)).distinct()
    owners = owners.where(table.c.name.in_(names)) if names is not None else owners
    gone = [owner for owner in connection.execute(owners).scalars() if how.is_gone(owner)]
    return sa.or_(over, table.c.owner.in_(gone)) if gone else over


def _must_exist(connection: sa.Connection, name: str) -> None:
    if connection.execute(sa.select(table.c.name).where(table.c.name == name)).first() is None:
        raise NoSuchObject(f"the ledger has no connection {name!r}", remedy="register it first")


def renew(connection: sa.Connection, lease: Lease, now: datetime, seconds: float) -> Lease:
    """Hold the lease for longer; raises `Busy` when somebody else took it."""
    until = now + timedelta(seconds=seconds)
    guarded(connection, lease, lease_until=until)
    return replace(lease, until=until)


def commit(
    connection: sa.Connection, lease: Lease, now: datetime, due_at: datetime | None, values: Mapping[str, Any]
) -> bool:
    """Write `values` to the connection's row; with `due_at` the poll went well, is over, and the lease ends.

    Whether it answers again after it did not. Raises `Busy` when somebody else took the lease: the caller's whole
    transaction then comes to nothing.
    """
    values = dict(values)
    if due_at is None:
        guarded(connection, lease, **(values or {"owner": lease.owner}))
        return False
    values |= {"failures": 0, "refusals": 0, "last_success_at": now, "last_error": None}
    restored = lease.standing.health is not Health.OK
    if restored:
        values |= {"health": Health.OK, "health_since": now}
    guarded(connection, lease, **values, **_ended(_unless_hinted(due_at, now)))
    return restored


def fail(  # noqa: PLR0913 - what happened, when, and what comes of it
    connection: sa.Connection, lease: Lease, now: datetime, error: str, due_at: datetime, kind: Failure
) -> Health | None:
    """Give the lease back after a poll that failed, and say why and when to try again.

    The health that the connection has now, if it is another than before.
    """
    was = lease.standing
    values: dict[str, Any] = {"last_error": error, **_ended(due_at)}
    if kind.counts:
        refusals = was.refusals + 1 if kind.refused else 0
        values |= {"failures": was.failures + 1, "refusals": refusals}
        health = kind.health or after_failure(was.health, was.failures + 1, refusals)
        if health is not was.health:
            guarded(connection, lease, **values, health=health, health_since=now)
            return health
    guarded(connection, lease, **values)
    return None


def hint(connection: sa.Connection, name: str, now: datetime) -> None:
    """Make a connection due now, and again after a poll that runs; one that fails keeps its pause."""
    due = sa.case((table.c.failures == 0, sa.literal(now, UTCDateTime)), else_=table.c.due_at)
    changed = connection.execute(table.update().where(table.c.name == name).values(hinted_at=now, due_at=due))
    if not changed.rowcount:
        _must_exist(connection, name)


def resume(connection: sa.Connection, name: str, now: datetime, *, skip: bool) -> None:
    """Poll again a connection that was parked, held or lost, now. Raises `NoSuchObject`.

    One that was held takes everything, or with `skip` (any connection) nothing but the cursor.
    """
    row = connection.execute(sa.select(table.c.health).where(table.c.name == name)).one_or_none()
    if row is None:
        _must_exist(connection, name)
        return
    health = {Health.HELD: Health.ACCEPTED, Health.PARKED: Health.LOST}.get(row.health, Health(row.health))
    health = Health.SKIPPING if skip else health
    changed = {"health": health, "health_since": now} if health != row.health else {}
    connection.execute(
        table.update()
        .where(table.c.name == name)
        .values(due_at=now, failures=0, refusals=0, last_error=None, **changed)
    )


def _unless_hinted(due_at: datetime, now: datetime) -> sa.ColumnElement[Any]:
    due, at_once = (sa.literal(moment, UTCDateTime) for moment in (due_at, now))
    return sa.case((table.c.hinted_at >= table.c.claimed_at, at_once), else_=due)


def _ended(due_at: Any) -> dict[str, Any]:
    return {"due_at": due_at, "lease_until": None, "owner": None}


def guarded(connection: sa.Connection, lease: Lease, **values: Any) -> None:
    """Write to the row of a connection whose lease is still held; raises `Busy` when it is lost."""
    mine = sa.and_(table.c.name == lease.name, table.c.fence == lease.fence)
    if connection.execute(table.update().where(mine).values(**values)).rowcount != 1:
        raise Busy(
            f"another worker took over connection {lease.name!r}",
            where=lease.name,
            remedy="nothing was written; the other worker's poll counts",
        )
