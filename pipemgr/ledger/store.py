"""The store: the only writer. Row, entry and event of a change are written in one transaction, or none is.

Every change gives exactly one entry and two events, side by side: the object's (`build.updated`, its id is the
entry's) and the entry's own (`ledgerentry.create`). An entry is never changed: a correction or withdrawal is a new
entry about it, whose object event is `ledgerentry.updated` or `ledgerentry.destroy`.

Events are numbered by the writer, without gaps, under a lock that it keeps until it has committed (SQLite has one
writer anyway; PostgreSQL an advisory lock taken just before the first event is written). So a reader that has seen
number N never misses a smaller one that becomes visible later.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pipemgr.errors import NoSuchObject
from pipemgr.model.events import Change, HubEvent, Kind
from pipemgr.model.ledger import Checkpoint
from pipemgr.model.runs import BuildRef

from . import deliveries, gaps, leases, pending, prior, seal, tables
from .batch import Batch, clean, digested, uncollected
from .change import EntryRow, Known, ObjectChange, entry_row, fresh_id, written
from .health import Health
from .leases import COUNTS, Claim, Failure, Lease
from .pending import Source

BATCH = 2_000
"""Changes that a transaction keeps in memory before it sends them to the database."""
_CONNECTION_LOCK = 0x70697066


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Store:
    """Writes to one ledger. Safe to share between threads: each transaction has its own connection."""

    def __init__(
        self, engine: sa.Engine, *, key: Path | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._engine = engine
        self._key = key
        self._clock = clock

    @contextlib.contextmanager
    def transaction(self, connection: str | None = None, *, durable: bool = False) -> Iterator[Transaction]:
        """Everything done inside is written together at the end, or, after an exception, not at all.

        Naming a pipemgr connection makes other writers of that connection wait, so that what is read inside
        stays true until the end. With `durable` it survives a power loss.
        """
        options = {"write": True, "durable": durable}
        with self._engine.connect().execution_options(**options) as database, database.begin():
            transaction = Transaction(database, self._clock())
            if connection is not None:
                transaction.lock(connection)
            yield transaction
            transaction.flush()

    def register(self, name: str, adapter: str) -> None:
        """Give a connection its row in the schedule, due at once, unless it has one."""
        with self.transaction(name) as transaction:
            leases.register(transaction.database, name, adapter, transaction.now)

    def claim(
        self,
        name: str,
        owner: str,
        lease_seconds: float,
        *,
        due_only: bool = False,
        is_gone: Callable[[str], bool] = lambda _owner: False,
    ) -> Lease | None:
        """Take the right to poll a connection, or None when another worker has it (or it is not due).

        `is_gone` says whether the owner of a lease is known to be dead: its lease is taken over before it ends.
        Raises `NoSuchObject` for a connection that was never registered.
        """
        with self.transaction() as transaction:
            how = Claim(owner, transaction.now, lease_seconds, is_gone, due_only)
            return leases.claim(transaction.database, name, how)

    def claim_due(
        self,
        owner: str,
        limit: int,
        lease_seconds: float,
        *,
        names: Sequence[str],
        is_gone: Callable[[str], bool] = lambda _owner: False,
    ) -> list[Lease]:
        """Take up to `limit` of these connections that are due and free; not those that wait for somebody's word."""
        with self.transaction() as transaction:
            how = Claim(owner, transaction.now, lease_seconds, is_gone)
            return leases.claim_due(transaction.database, names, limit, how)

    def renew(self, lease: Lease, lease_seconds: float) -> Lease:
        """Hold a lease for longer, from now; raises `Busy` when it is lost."""
        with self.transaction() as transaction:
            return leases.renew(transaction.database, lease, transaction.now, lease_seconds)

    def fail_poll(self, lease: Lease, error: str, due_at: datetime, *, kind: Failure = COUNTS) -> None:
        """Give a lease back after a failure; `error` must not hold secrets. Raises `Busy` when it is lost.

        A connection that is lost, parked or held from now on has an event that says so.
        """
        with self.transaction() as transaction:
            health = leases.fail(transaction.database, lease, transaction.now, error, due_at, kind)
            if health is not None:
                said = {"connection": lease.name, "health": health, "error": error}
                transaction.event(HubEvent.CONNECTION_LOST, lease.name, said)

    def resume(self, name: str, *, fast_forward: bool = False) -> None:
        """Poll a connection again, now, that was parked, held or lost. Raises `NoSuchObject`.

        After a flood the next poll takes everything, or with `fast_forward` nothing but the cursor: what was found
        and not looked at is forgotten, and no walk looks for it again.
        """
        with self.transaction(name) as transaction:
            leases.resume(transaction.database, name, transaction.now, skip=fast_forward)
            if fast_forward:
                pending.forget_new(transaction.database, name)

    def retry(self, connection: str | None = None, refs: Sequence[BuildRef] = ()) -> int:
        """Make what is in quarantine due now, these attempts or all, and their connections; how many."""
        with self.transaction(connection) as transaction:
            found = pending.retry(transaction.database, connection, refs, transaction.now)
            for name in found:
                transaction.hint(name)
            return sum(found.values())

    def drop(self, connection: str, refs: Sequence[BuildRef]) -> int:
        """Give up attempts that are pending; how many were."""
        with self.transaction(connection) as transaction:
            return pending.done(transaction.database, connection, refs)

    def close_gap(self, gap: UUID) -> None:
        """Close a gap by hand: its builds were found, or are given up. Raises `NoSuchObject`."""
        with self.transaction() as transaction:
            gaps.close(transaction.database, gap, transaction.now)

    def seal(self) -> Checkpoint | None:
        """Seal every entry committed so far; the checkpoint reached, or None while there are no entries.

        One sealer works at a time, others wait. Raises `SealBroken` when the last checkpoint is damaged, and
        `ConfigurationError` when the signing key can't be used.
        """
        return seal.seal(self._engine, self._clock, self._key)


class Transaction:
    """What is to be written together. Made by `Store.transaction`."""

    def __init__(self, database: sa.Connection, now: datetime) -> None:
        self.database = database
        self.now = now
        self._postgres = database.dialect.name == "postgresql"
        self._time = written(now)
        self._batch = Batch(database, now)

    def lock(self, connection: str) -> None:
        """Make other writers of this connection wait until the end of the transaction."""
        if self._postgres:
            statement = sa.select(
                sa.func.pg_advisory_xact_lock(_CONNECTION_LOCK, sa.func.hashtext(connection))
            )
            self.database.execute(statement)

    def runs(
        self, connection: str, pipelines: Sequence[str], builds: Sequence[str], instances: Sequence[str]
    ) -> dict[tuple[Kind, str], Known]:
        """What the ledger has of these objects, named by their keys.

        Also the ids of the pipelines' stages and steps, all attempts of the builds, and all below the instances.
        """
        return prior.runs(self.database, connection, pipelines, builds, instances)

    def definition(self, connection: str, pipeline: str) -> dict[tuple[Kind, str], Known]:
        """What the ledger has of a pipeline's definition, named by its key."""
        return prior.definition(self.database, connection, pipeline)

    def apply(
        self, changes: Iterable[ObjectChange], *, observer: str = "", source: str | None = None
    ) -> None:
        """Record changes of objects, each with its entry and its events.

        `observer` is who saw them (a connection, a person); `source` the digest of the vendor's answer, for the
        changes that bring none of their own.
        """
        observer, source = clean(observer), source and clean(source)
        batch = self._batch
        with uncollected():
            for one in changes:
                batch.change(one, observer, source)
                if len(batch) >= BATCH:
                    batch.flush()

    def event(self, name: HubEvent, subject: str, data: Mapping[str, Any]) -> None:
        """Announce something about the hub itself; it has an event, but no entry."""
        self._batch.event(name.value, subject, data)

    def amend(self, entry: UUID, message: str, *, observer: str) -> UUID:
        """Correct what an entry says: a new entry, whose id is returned. Raises `NoSuchObject`."""
        return self._about(entry, Change.UPDATED, message, observer)

    def withdraw(self, entry: UUID, reason: str, *, observer: str) -> UUID:
        """Declare an entry void: a new entry, whose id is returned. Raises `NoSuchObject`."""
        return self._about(entry, Change.DESTROY, reason, observer)

    def _about(self, entry: UUID, change: Change, message: str, observer: str) -> UUID:
        self._batch.flush()
        table = tables.ledger_entry
        row = self.database.execute(sa.select(table).where(table.c.id == entry)).one_or_none()
        if row is None:
            raise NoSuchObject(f"the ledger has no entry {entry}", remedy="`pipemgr ledger show` lists them")
        old = entry_row(row)
        message = clean(message)
        text = old._replace(message=message).canonical() if change is Change.UPDATED else old.canonical()
        new = EntryRow(
            id=fresh_id(),
            time=self._time,
            kind=Kind.LEDGER_ENTRY.value,
            change=change.value,
            subject=old.id,
            message=message,
            digest=digested(text),
            ledger=old.ledger,
            step=old.step,
            inputs="[]",
            outputs="[]",
            changed='["message"]' if change is Change.UPDATED else "[]",
            observer=observer,
            source=None,
            amends=old.id,
        )
        self._batch.entry(new, text)
        return UUID(new.id)

    def save_publication(  # noqa: PLR0913 - one for each column
        self,
        connection: str,
        pipeline: str,
        *,
        fingerprint: str,
        model: Mapping[str, Any],
        documents: Any = None,
        url: str | None = None,
        observer: str = "",
    ) -> None:
        """Keep what was last applied for a pipeline; `model` and `documents` are JSON values."""
        table = tables.publication
        mine = sa.and_(table.c.connection == connection, table.c.pipeline == pipeline)
        self.database.execute(table.delete().where(mine))
        self.database.execute(
            table.insert().values(
                connection=connection,
                pipeline=pipeline,
                fingerprint=fingerprint,
                model=json.dumps(model),
                documents=json.dumps(documents),
                url=url,
                applied_at=self.now,
                applied_by=observer,
            )
        )

    def drop_publication(self, connection: str, pipeline: str) -> None:
        """Forget what was last applied for a pipeline."""
        table = tables.publication
        self.database.execute(
            table.delete().where(table.c.connection == connection, table.c.pipeline == pipeline)
        )

    def commit_poll(
        self,
        lease: Lease,
        cursor: Mapping[str, Any] | None = None,
        due_at: datetime | None = None,
        **values: Any,
    ) -> None:
        """Write down how far a poll came, together with what it saw; with `due_at` it went well and the lease ends.

        `values` are other columns of the connection's row: `changed_at`, and those of the walk. A hint that came
        while it polled makes it due at once. Raises `Busy`, and nothing is written, when another worker has taken
        the lease.
        """
        known = {} if cursor is None else {"cursor": json.dumps(cursor)}
        if leases.commit(self.database, lease, self.now, due_at, known | values):
            said = {"connection": lease.name, "health": Health.OK, "was": lease.standing.health}
            self.event(HubEvent.CONNECTION_RESTORED, lease.name, said)

    def pend(self, connection: str, refs: Iterable[BuildRef], source: Source) -> int:
        """Keep attempts to be looked at, unless the ledger knows them; how many are new."""
        return pending.put(self.database, connection, refs, source, self.now)

    def pend_failed(self, connection: str, ref: BuildRef, source: Source, error: str) -> None:
        """Keep an attempt that could not be read: it is looked at again, less and less often."""
        pending.fail(self.database, connection, ref, source, error, self.now)

    def looked_at(self, connection: str, refs: Sequence[BuildRef]) -> None:
        """Attempts are pending no more."""
        pending.done(self.database, connection, refs)

    def gap(self, connection: str, **said: Any) -> None:
        """Keep a gap, see `gaps.put`; one that is new and open has an event."""
        row = gaps.put(self.database, connection, self.now, **said)
        if row is not None and row.closed_at is None:
            self.event(HubEvent.GAP_DETECTED, connection, row.said())

    def receive(self, connection: str, delivery: str, event: str) -> bool:
        """Remember a webhook; False for one that came before."""
        return deliveries.put(self.database, connection, delivery, event, self.now)

    def hint(self, connection: str) -> None:
        """Make a connection due now. Raises `NoSuchObject`."""
        leases.hint(self.database, connection, self.now)

    def flush(self) -> None:
        """Send what is queued to the database."""
        self._batch.flush()
