"""Leases: who may poll a connection, and until when.

A claim raises the connection's fence. Whoever commits shows the fence that it got: a worker that was paused past
its lease finds a higher one and writes nothing, so at most one poll of a connection ever commits. Times come from
the clock of the machine; a wrong clock makes polls early or late, never double.

A lease whose owner is known to be dead may be taken over before it ends. Should that knowledge be wrong, the fence
still keeps the two apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipemgr.errors import Busy, NoSuchObject

from .tables import connection as table


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to poll a connection until `until`, and the cursor to go on from."""

    name: str
    owner: str
    fence: int
    until: datetime
    cursor: dict[str, Any]


def register(connection: sa.Connection, name: str, adapter: str, now: datetime) -> None:
    """Give a connection its row, due at once; change nothing but the adapter when it has one."""
    changed = connection.execute(table.update().where(table.c.name == name).values(adapter=adapter))
    if changed.rowcount == 0:
        row = {"name": name, "adapter": adapter, "due_at": now, "fence": 0, "cursor": "{}"}
        connection.execute(table.insert().values(**row))


def claim(  # noqa: PLR0913 - a lease is all of these
    connection: sa.Connection,
    name: str,
    owner: str,
    now: datetime,
    seconds: float,
    *,
    due_only: bool,
    is_gone: Callable[[str], bool],
) -> Lease | None:
    """Take the lease, or None when another holds it (or, with `due_only`, when it is not yet time)."""
    dead = table.c.owner.in_(_dead(connection, name, is_gone))
    free = sa.and_(
        table.c.name == name, sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now, dead)
    )
    if due_only:
        free = sa.and_(free, table.c.due_at <= now)
    # SQLite has no SKIP LOCKED and needs none: it has one writer at a time. SQLAlchemy leaves it out there.
    candidate = sa.select(table.c.name).where(free).with_for_update(skip_locked=True)
    until = now + timedelta(seconds=seconds)
    row = connection.execute(
        table.update()
        .where(table.c.name.in_(candidate))
        .values(owner=owner, lease_until=until, fence=table.c.fence + 1)
        .returning(table.c.fence, table.c.cursor)
    ).one_or_none()
    if row is None:
        _must_exist(connection, name)
        return None
    return Lease(name, owner, row.fence, until, json.loads(row.cursor))


def _dead(connection: sa.Connection, name: str, is_gone: Callable[[str], bool]) -> list[str]:
    """The owner of the lease, if it is gone."""
    owner = connection.execute(sa.select(table.c.owner).where(table.c.name == name)).scalar()
    return [owner] if owner is not None and is_gone(owner) else []


def _must_exist(connection: sa.Connection, name: str) -> None:
    if connection.execute(sa.select(table.c.name).where(table.c.name == name)).first() is None:
        raise NoSuchObject(f"the ledger has no connection {name!r}", remedy="register it first")


def renew(connection: sa.Connection, lease: Lease, now: datetime, seconds: float) -> Lease:
    """Hold the lease for longer; raises `Busy` when somebody else took it."""
    until = now + timedelta(seconds=seconds)
    _guarded(connection, lease, lease_until=until)
    return Lease(lease.name, lease.owner, lease.fence, until, lease.cursor)


def commit(
    connection: sa.Connection,
    lease: Lease,
    now: datetime,
    cursor: Mapping[str, Any] | None,
    due_at: datetime | None,
) -> None:
    """Write down how far the poll came; with `due_at` it is over and the lease ends.

    Raises `Busy` when somebody else took the lease: the caller's whole transaction then comes to nothing.
    """
    values: dict[str, Any] = {} if cursor is None else {"cursor": json.dumps(cursor)}
    if due_at is not None:
        values |= {
            "due_at": due_at,
            "lease_until": None,
            "owner": None,
            "last_success_at": now,
            "last_error": None,
        }
    _guarded(connection, lease, **(values or {"owner": lease.owner}))


def fail(connection: sa.Connection, lease: Lease, error: str, due_at: datetime) -> None:
    """Give the lease back after a poll that failed, and say why and when to try again."""
    _guarded(connection, lease, due_at=due_at, lease_until=None, owner=None, last_error=error)


def _guarded(connection: sa.Connection, lease: Lease, **values: Any) -> None:
    mine = sa.and_(table.c.name == lease.name, table.c.fence == lease.fence)
    if connection.execute(table.update().where(mine).values(**values)).rowcount != 1:
        raise Busy(
            f"another worker took over connection {lease.name!r}",
            where=lease.name,
            remedy="nothing was written; the other worker's poll counts",
        )
