"""Polling: one connection, once. What is new is found, what was found is looked at, what is open is followed.

A poll has three parts, the most urgent first. Pages of what is new since the cursor; attempts that wait to be looked
at, and those that are not finished; some pages of the walk through the past. Each page, and each few attempts, are one
transaction with the cursor, the events, and what is still to be done, guarded by the lease's fence: a poll that is
killed loses nothing, and one that was overtaken writes nothing.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipemgr.adapter.base import Adapter, PollPage
from pipemgr.adapter.http import Purpose, asking_for
from pipemgr.errors import (
    AdapterError,
    AuthenticationFailed,
    Busy,
    LedgerError,
    PipemgrError,
    RateLimited,
    Refused,
    Retryable,
    Storm,
    UnsupportedCapability,
)
from pipemgr.ledger import Ledger
from pipemgr.ledger.health import Health
from pipemgr.ledger.leases import Failure, Lease
from pipemgr.ledger.pending import PAST, Pending, Source
from pipemgr.ledger.store import Transaction
from pipemgr.model.base import Value
from pipemgr.model.runs import BuildInstance, BuildRef
from pipemgr.model.status import State

from .attempts import Attempts, Look
from .journal import Journal
from .pages import asked, calm, must_move
from .schedule import LONGEST_WAIT, Moment, Pace, next_due, retry_due
from .worker import is_gone, me

__all__ = ["LEASE_SECONDS", "LONGEST_WAIT", "RETRY_SECONDS", "Pace", "Polled", "poll", "run"]

LEASE_SECONDS = 120.0
"""How long a poll may take for one request before another worker may take over."""
RETRY_SECONDS = 30.0
"""How long to wait after a poll that was not a failure of the vendor's, and broke off."""
SLICE_SECONDS = 30.0
"""How long one poll looks at attempts before it goes on with what is new; the rest comes at once after it."""
LOOKS = 200
"""How many attempts one poll looks at that were found before, beside those that are open."""
WALK_PAGES = 10
"""How many pages of the past one poll reads."""
BATCH, BATCH_SIZE = 20, 4 << 20
"""Attempts, and characters of their logs, that are written together."""
FRUITLESS = 3
"""Attempts in a row that can't be read because of the vendor or the network: it is not about them, then."""


class Polled(Value):
    """What one poll of a connection did."""

    connection: str
    builds: int = 0
    """Snapshots that were looked at."""
    changes: int = 0
    """Objects that were new or changed."""
    problems: tuple[str, ...] = ()
    """Single builds or logs that could not be read; the rest of the poll went on."""
    left: int = 0
    """Attempts that were found and can be looked at at once."""


def poll(connection: str, adapter: Adapter, ledger: Ledger, pace: Pace) -> Polled:
    """Claim a connection, whatever its health, poll it until nothing new is left, and record what happened.

    Raises `Busy` when another worker polls it right now, and whatever `AdapterError` stopped the poll; the
    connection's row then says why and when to try again.
    """
    before = Polled(connection=connection)
    while True:
        lease = ledger.store.claim(connection, me(), LEASE_SECONDS, is_gone=is_gone)
        if lease is None:
            raise _busy(connection, ledger)
        one = _Poll(lease, adapter, ledger, pace)
        before = _sum(before, _given_back(one))
        if not one.urgent:
            return before


def run(lease: Lease, adapter: Adapter, ledger: Ledger, pace: Pace) -> Polled:
    """Poll a connection once that is claimed already; the lease has ended then, however it went.

    Raises as `poll` does.
    """
    return _given_back(_Poll(lease, adapter, ledger, pace))


def _given_back(one: _Poll) -> Polled:
    """Poll, and end the lease early when that fails: the connection must not stay taken until it ends by itself."""
    try:
        return one.run()
    except BaseException as error:
        # Where even this fails, the first error is the one to tell.
        with contextlib.suppress(LedgerError):
            _give_back(one.ledger, one.lease, error)
        raise


def _give_back(ledger: Ledger, lease: Lease, error: BaseException) -> None:
    now, said = datetime.now(UTC), str(error)
    due = retry_due(now, lease.standing.failures + 1, error, random.random())  # noqa: S311 - no secret
    match error:
        case Storm():
            kind = Failure(health=Health.HELD)
        case AuthenticationFailed():
            kind = Failure(refused=True)
        case RateLimited() | LedgerError():
            kind = Failure(counts=False)
        case PipemgrError():
            kind = Failure()
        case _:
            kind, said = Failure(counts=isinstance(error, Exception)), _broken_off(error)
    ledger.store.fail_poll(lease, said, due, kind=kind)


def _broken_off(error: BaseException) -> str:
    return f"the poll broke off: {type(error).__name__}"


def _busy(connection: str, ledger: Ledger) -> Busy:
    owners = {one.name: one.owner for one in ledger.queries.connections()}
    return Busy(
        f"another worker ({owners.get(connection) or 'just leaving'}) is polling {connection!r}",
        where=connection,
        remedy=f"wait for it; should it be dead, its lease ends within {LEASE_SECONDS:.0f} s",
    )


def _sum(one: Polled, other: Polled) -> Polled:
    return Polled(
        connection=one.connection,
        builds=one.builds + other.builds,
        changes=one.changes + other.changes,
        problems=one.problems + other.problems,
        left=other.left,
    )


@dataclass(frozen=True)
class _Found:
    """A page, where it comes from, and the columns of the connection's row that say how far it leads."""

    page: PollPage
    source: Source
    cursor: Mapping[str, Any] | None = None
    values: Mapping[str, Any] | None = None


class _Poll:
    """One poll under one lease."""

    def __init__(self, lease: Lease, adapter: Adapter, ledger: Ledger, pace: Pace) -> None:
        self.ledger = ledger
        self.urgent = False
        """Whether something that a live poll or a webhook found is left to be looked at."""
        self._adapter = adapter
        self._pace = pace
        self._name = lease.name
        self._standing = lease.standing
        self._journal = Journal(ledger, lease, LEASE_SECONDS)
        self._attempts = Attempts(lease.name, adapter, ledger, pace, self._journal)
        self._problems = self._journal.problems
        self._wait: float | None = None
        self._resting = False
        self._fresh: set[BuildRef] = set()

    @property
    def lease(self) -> Lease:
        """The lease as it is by now."""
        return self._journal.lease

    def run(self) -> Polled:
        """Find, look, walk."""
        skipping = self._standing.health is Health.SKIPPING
        with asking_for(Purpose.POLL):
            for page in self._pages():
                self._wait = page.wait
                self._take(_Found(self._emptied(page) if skipping else page, Source.POLL, cursor=page.cursor))
            self._look_around()
        walking = not skipping and self._walk()
        self.ledger.store.seal()
        return self._finish(walking=walking, skipped=skipping)

    # What is new ------------------------------------------------------------------------------------------

    def _pages(self) -> Iterator[PollPage]:
        """The pages since the cursor, but not those of a flood."""
        found = asked(self._adapter, self._journal.lease.cursor, self._name, self._journal.hold)
        decided = self._standing.health in (Health.ACCEPTED, Health.SKIPPING)
        if decided or self._standing.last_success_at is None:
            return found
        return calm(found, self._name, self._pace.storm, self._known)

    def _known(self, refs: list[BuildRef]) -> int:
        return len(self.ledger.queries.states(self._name, refs))

    @staticmethod
    def _emptied(page: PollPage) -> PollPage:
        return PollPage(cursor=page.cursor, more=page.more, wait=page.wait)

    def _take(self, found: _Found) -> None:
        """Record one page: whole snapshots, and what is to be looked at."""
        page = found.page
        states = self.ledger.queries.states(self._name, [one.ref for one in page.builds])
        looks = [self._completed(one, found.source, states) for one in page.builds]
        refs = [ref for ref in page.seen if self._journal.storable(ref)]
        unread = [one for one in page.unread if self._journal.storable(one.ref)]
        self._problems += [f"{one.ref.pipeline} {one.ref.build}: {one.reason}" for one in page.unread]
        self._problems += page.problems

        def also(transaction: Transaction) -> None:
            transaction.pend(self._name, refs, found.source)
            for one in unread:
                transaction.pend_failed(self._name, one.ref, found.source, one.reason)
            for gap in page.gaps:
                transaction.gap(self._name, **gap.model_dump())
            if found.values:
                transaction.commit_poll(self.lease, **found.values)

        moved = found.cursor is not None and dict(found.cursor) != self.lease.cursor
        if looks or refs or unread or page.gaps or moved or found.values:
            late = [one for one in looks if found.source is Source.SWEEP and one.ref not in states]
            self._journal.write(looks, also, cursor=found.cursor, late=late)

    def _completed(self, build: BuildInstance, source: Source, states: Mapping[BuildRef, State]) -> Look:
        self._journal.hold()
        finished = build.status.finished
        settled = finished and states.get(build.ref) is State.FINISHED
        if not finished:
            self._fresh.add(build.ref)
        return self._attempts.complete(build, source, settled=settled)

    # What was found ---------------------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Look at what is pending and at what is open, and write it a few at a time, also what was before an error."""
        batch: list[Look] = []
        try:
            for look in self._looks():
                batch.append(look)
                if len(batch) >= BATCH or sum(one.size for one in batch) > BATCH_SIZE:
                    self._keep(batch)
        except AdapterError:
            self._keep(batch)
            raise
        self._keep(batch)

    def _keep(self, batch: list[Look]) -> None:
        if batch:
            self._journal.write(batch, late=[one for one in batch if one.source is Source.SWEEP])
            batch.clear()

    def _looks(self) -> Iterator[Look]:
        """One look after the other, until the slice of time is over or the vendor seems to be away."""
        end, fruitless = time.monotonic() + SLICE_SECONDS, 0
        for ref, source, before in self._queue():
            purpose = Purpose.BACKFILL if source in PAST else Purpose.POLL
            try:
                with asking_for(purpose):
                    look = self._attempts.look(ref, source, before.error if before else None)
            except RateLimited:
                if source in PAST:
                    return  # the past has time
                raise
            if before is not None or not isinstance(look.failure, UnsupportedCapability):
                yield look
            fruitless = fruitless + 1 if isinstance(look.failure, Retryable) else 0
            if look.failure is not None and fruitless == FRUITLESS:
                if source in PAST:
                    # A poll has just gone well: it is about what is old, which has time.
                    self._resting = True
                    return
                raise look.failure
            if time.monotonic() > end:
                return

    def _queue(self) -> Iterator[tuple[BuildRef, Source, Pending | None]]:
        """What is to be looked at, the most urgent first: hints, what is new, what is open, what is old."""
        queries, name = self.ledger.queries, self._name
        pending = queries.pending(name, datetime.now(UTC), LOOKS)
        yield from ((one.ref, one.source, one) for one in pending if one.source not in PAST)
        known = {one.ref for one in pending} | self._fresh
        opened = [ref for ref in queries.open_instances(name) if ref not in known]
        waiting = {one.ref for one in queries.quarantine(name, limit=100_000)} if opened else set()
        random.shuffle(opened)  # so that none is always the last, should there be too many
        yield from ((ref, Source.POLL, None) for ref in opened if ref not in waiting)
        yield from ((one.ref, one.source, one) for one in pending if one.source in PAST)

    # What is old ------------------------------------------------------------------------------------------

    def _walk(self) -> bool:
        """Read some pages of the past, if it is time; whether to go on with that soon."""
        since = self._walk_since()
        if since is None:
            return False
        try:
            with asking_for(Purpose.BACKFILL):
                return self._walk_on(since)
        except UnsupportedCapability:
            return False
        except AuthenticationFailed:
            raise
        except AdapterError as error:
            # What is new and what is open went well: the past has time.
            if not isinstance(error, RateLimited):
                self._problems.append(f"history: {error.message}")
            if isinstance(error, Refused):
                self._begin_again()
            return False

    def _begin_again(self) -> None:
        """Walk from the beginning the next time: the vendor may no longer know the place where a walk stopped."""
        with self.ledger.store.transaction() as transaction:
            transaction.commit_poll(self.lease, walk=None)

    def _walk_since(self) -> datetime | None:
        """How far back to walk; None when it is not time."""
        was, now = self._standing, datetime.now(UTC)
        if was.walk is not None and was.walk_since is not None:
            return was.walk_since
        every = timedelta(seconds=self._pace.history_every)
        if not self._pace.history or (was.walked_at is not None and now < was.walked_at + every):
            return None
        since = now - timedelta(seconds=self._pace.history)
        return max(since, was.skipped_until) if was.skipped_until else since

    def _walk_on(self, since: datetime) -> bool:
        cursor = self._standing.walk or {}
        source = Source.HISTORY if self._standing.walked_at is None else Source.SWEEP
        for _ in range(WALK_PAGES):
            if sum(self.ledger.queries.pending_counts(self._name, due=datetime.now(UTC)).values()) > LOOKS:
                return True  # what was found is looked at first
            self._journal.hold()
            page = self._adapter.history(cursor, since)
            must_move(cursor, page, self._name)
            now = datetime.now(UTC)
            state = {"walk": json.dumps(page.cursor)} if page.more else {"walk": None, "walked_at": now}
            self._take(_Found(page, source, values={**state, "walk_since": since}))
            if not page.more:
                return False
            cursor = page.cursor
        return True

    # The end ----------------------------------------------------------------------------------------

    def _finish(self, *, walking: bool, skipped: bool) -> Polled:
        """End the lease, and say when to come back."""
        queries, now = self.ledger.queries, datetime.now(UTC)
        counts = queries.pending_counts(self._name, due=now)
        left = sum(counts.values())
        self.urgent = any(source not in PAST for source in counts)
        changed = now if self._journal.changes else self._standing.changed_at
        moment = Moment(
            now,
            bool(queries.open_instances(self._name)),
            bool(left) and not self._resting,
            walking,
            changed,
            self._wait,
        )
        values: dict[str, Any] = {"changed_at": now} if self._journal.changes else {}
        if skipped:
            values |= {"walk": None, "walked_at": now, "skipped_until": now}
        with self.ledger.store.transaction() as transaction:
            due = next_due(self._pace, moment, random.random())  # noqa: S311 - no secret
            transaction.commit_poll(self.lease, None, due, **values)
        return Polled(
            connection=self._name,
            builds=self._journal.builds,
            changes=self._journal.changes,
            problems=tuple(self._problems),
            left=left,
        )
