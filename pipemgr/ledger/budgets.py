"""Budgets: what each credential may still ask of its vendor, shared by all processes that use it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from pipemgr.errors import RateLimited

from .tables import budget as table

RESERVED: dict[str, int] = {"live": 0, "poll": 10, "backfill": 50}
"""Percent of the limit that requests of a purpose leave to the more urgent ones."""
PATIENCE = timedelta(minutes=1)
"""How long nothing is asked when nothing is left and the vendor does not say until when; then one request finds out."""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What is known of a credential's budget; `limit` None: its vendor tells none."""

    credential: str
    limit: int | None
    remaining: int | None
    reset_at: datetime | None
    blocked_until: datetime | None
    asked: int
    updated_at: datetime


class SharedBudget:
    """The budget of one credential; see `http.Budget`.

    Every request is one row's update of its own: quick, and in SQLite without waiting for the disk. Never ask a
    vendor inside of a transaction of the ledger.
    """

    def __init__(
        self, engine: sa.Engine, credential: str, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._engine = engine
        self._credential = credential
        self._clock = clock or partial(datetime.now, UTC)

    def take(self, purpose: str) -> None:
        """Count one request; raises `RateLimited` when there is none left for this purpose."""
        now = self._clock()
        with self._writing() as database:
            row = None if self._took(database, purpose, now) else self._row(database)
            if row is None:
                return
        raise RateLimited(_why(row, purpose, now), retry_after=_wait(row, now), where=self._credential)

    def learn(self, **known: Any) -> None:
        """Take the vendor's word: `limit`, `remaining`, `reset_at`, `blocked_until`."""
        values = {name: value for name, value in known.items() if value is not None}
        with self._writing() as database:
            if not self._insert(database, asked=0, **values):
                mine = table.update().where(table.c.credential == self._credential)
                database.execute(mine.values(**values, updated_at=self._clock()))

    def _took(self, database: sa.Connection, purpose: str, now: datetime) -> bool:
        """Whether one more request is in the budget; it is counted then.

        The first one ever makes the row. Somebody else may do so just before it, and then it counts like any other.
        """
        return (
            self._counted(database, purpose, now)
            or self._insert(database, asked=1)
            or self._counted(database, purpose, now)
        )

    def _counted(self, database: sa.Connection, purpose: str, now: datetime) -> bool:
        full = sa.or_(
            table.c.reset_at <= now,
            sa.and_(table.c.reset_at.is_(None), table.c.updated_at <= now - PATIENCE),
        )
        reserved = table.c.limit * RESERVED[purpose]
        left = sa.and_(table.c.remaining > 0, sa.func.coalesce(table.c.remaining * 100 > reserved, sa.true()))
        free = sa.or_(table.c.blocked_until.is_(None), table.c.blocked_until <= now)
        changed = database.execute(
            table.update()
            .where(table.c.credential == self._credential, free)
            .where(sa.or_(table.c.remaining.is_(None), full, left))
            .values(
                asked=table.c.asked + 1,
                remaining=sa.case((full, table.c.limit), else_=table.c.remaining) - 1,
                reset_at=sa.case((full, sa.null()), else_=table.c.reset_at),
                updated_at=now,
            )
        )
        return bool(changed.rowcount)

    def _insert(self, database: sa.Connection, **values: Any) -> bool:
        """Make the row, unless it is there."""
        kind = sqlite if database.dialect.name == "sqlite" else postgresql
        row = kind.insert(table).values(credential=self._credential, updated_at=self._clock(), **values)
        made = row.on_conflict_do_nothing().returning(table.c.credential)
        return database.execute(made).first() is not None

    def _row(self, database: sa.Connection) -> BudgetRow | None:
        row = database.execute(table.select().where(table.c.credential == self._credential)).one_or_none()
        return None if row is None else BudgetRow(**row._mapping)  # noqa: SLF001 - public in SQLAlchemy

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(write=True) as database, database.begin():
            yield database


def listed(database: sa.Connection) -> list[BudgetRow]:
    """All budgets, by credential."""
    rows = database.execute(table.select().order_by(table.c.credential))
    return [BudgetRow(**row._mapping) for row in rows]  # noqa: SLF001 - public in SQLAlchemy


def _wait(row: BudgetRow, now: datetime) -> float:
    """How long to wait for more, in seconds."""
    if row.blocked_until is not None and row.blocked_until > now:
        return (row.blocked_until - now).total_seconds()
    until = row.reset_at or row.updated_at + PATIENCE
    return max(1.0, (until - now).total_seconds())


def _why(row: BudgetRow, purpose: str, now: datetime) -> str:
    if row.blocked_until is not None and row.blocked_until > now:
        return f"the vendor wants to be left alone until {row.blocked_until:%H:%M:%S} UTC"
    left = f"{row.remaining} of {row.limit} requests are left"
    kept = RESERVED[purpose]
    return f"{left}; {kept} % are kept for what is more urgent than {purpose}" if kept else left
