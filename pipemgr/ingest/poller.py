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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    Retryable,
    Storm,
    UnsupportedCapability,
)
from pipemgr.ledger import Ledger
from pipemgr.ledger.gaps import FOUND_LATE
from pipemgr.ledger.health import Health
from pipemgr.ledger.leases import Failure, Lease
from pipemgr.ledger.pending import Pending, Source, can_be_kept
from pipemgr.ledger.store import Transaction
from pipemgr.model.base import Value
from pipemgr.model.runs import BuildInstance, BuildRef
from pipemgr.model.status import State

from .attempts import Attempts, Look
from .recorder import Recorder
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

Also = Callable[[Transaction], None]
"""What is written together with snapshots."""


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
        self.lease = lease
        self.urgent = False
        """Whether something that a live poll or a webhook found is left to be looked at."""
        self._adapter = adapter
        self._pace = pace
        self._connection = lease.name
        self._standing = lease.standing
        self._recorder = Recorder(ledger)
        self._attempts = Attempts(lease.name, adapter, ledger, pace, self._hold)
        self._problems = self._attempts.problems
        self._builds = self._changes = 0
        self._wait: float | None = None
        self._fresh: set[BuildRef] = set()
        self._end = time.monotonic() + SLICE_SECONDS

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
        decided = self._standing.health in (Health.ACCEPTED, Health.SKIPPING)
        first = self._standing.last_success_at is None
        return self._asked() if first or decided else self._calm(self._asked())

    def _asked(self) -> Iterator[PollPage]:
        cursor = self.lease.cursor
        while True:
            self._hold()
            page = self._adapter.poll(cursor)
            yield page
            if not page.more:
                return
            self._must_move(cursor, page)
            cursor = page.cursor

    def _must_move(self, cursor: Mapping[str, Any], page: PollPage) -> None:
        """Refuse a page that would come again for ever."""
        if page.cursor == cursor:
            raise AdapterError(
                "the adapter says that there is more, but its cursor does not move",
                where=self._connection,
                remedy="report it to the author of the adapter",
            )

    def _calm(self, pages: Iterator[PollPage]) -> Iterator[PollPage]:
        """The same pages, held back until it is sure that they are no flood. An error lets go what came before."""
        held: list[PollPage] = []
        size = new = 0
        try:
            for page in pages:
                held.append(page)
                refs = _refs(page)
                size += len(refs)
                new += len(refs) - len(self.ledger.queries.states(self._connection, refs))
                if new > self._pace.storm:
                    raise self._storm(new)
                if size > 2 * self._pace.storm:  # of which most are known
                    yield from held
                    held, size = [], 0
        except Storm:
            raise
        except AdapterError:
            yield from held
            raise
        yield from held

    def _storm(self, new: int) -> Storm:
        name = self._connection
        return Storm(
            f"{new} builds or more are new at once, and no more than {self._pace.storm} are taken without asking; "
            "nothing was recorded, and polling waits",
            where=name,
            remedy=f"take them: `pipemgr connection resume {name}`; or leave them out and go on with what comes: "
            f"`pipemgr connection resume {name} --fast-forward`",
        )

    @staticmethod
    def _emptied(page: PollPage) -> PollPage:
        return PollPage(cursor=page.cursor, more=page.more, wait=page.wait)

    def _take(self, found: _Found) -> None:
        """Record one page: whole snapshots, and what is to be looked at."""
        page = found.page
        states = self.ledger.queries.states(self._connection, [one.ref for one in page.builds])
        looks = [self._completed(one, found.source, states) for one in page.builds]
        refs = [ref for ref in page.seen if self._storable(ref)]
        unread = [one for one in page.unread if self._storable(one.ref)]
        self._problems += [f"{one.ref.pipeline} {one.ref.build}: {one.reason}" for one in page.unread]

        def also(transaction: Transaction) -> None:
            transaction.pend(self._connection, refs, found.source)
            for one in unread:
                transaction.pend_failed(self._connection, one.ref, found.source, one.reason)
            for gap in page.gaps:
                transaction.gap(self._connection, **gap.model_dump())
            if found.values:
                transaction.commit_poll(self.lease, **found.values)

        moved = found.cursor is not None and dict(found.cursor) != self.lease.cursor
        if looks or refs or unread or page.gaps or moved or found.values:
            late = [] if found.source is Source.POLL else [one for one in looks if one.ref not in states]
            self._write(looks, also, cursor=found.cursor, late=late)
        if found.cursor is not None:
            self.lease = replace(self.lease, cursor=dict(found.cursor))

    def _completed(self, build: BuildInstance, source: Source, states: Mapping[BuildRef, State]) -> Look:
        self._hold()
        finished = build.status.finished
        settled = finished and states.get(build.ref) is State.FINISHED
        if not finished:
            self._fresh.add(build.ref)
        return self._attempts.complete(build, source, settled=settled)

    def _storable(self, ref: BuildRef) -> bool:
        if can_be_kept(ref):
            return True
        self._problems.append(f"{ref.pipeline!r} {ref.build!r} is no name that can be kept")
        return False

    # What was found ---------------------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Look at what is pending and at what is open, a few at a time, until the slice of time is over."""
        before: dict[BuildRef, Pending] = {}
        queue = self._queue(before)
        while looks := self._some(queue, before):
            failures = [one.failure for one in looks[-FRUITLESS:]]
            known = [one for one in looks if one.source is Source.HISTORY]
            self._write(looks, lambda _transaction: None, late=[one for one in known if one.snapshot])
            if len(failures) == FRUITLESS and all(isinstance(one, Retryable) for one in failures):
                raise failures[-1]  # type: ignore[misc]  # all are errors
            if time.monotonic() > self._end:
                return

    def _queue(self, before: dict[BuildRef, Pending]) -> Iterator[tuple[BuildRef, Source]]:
        """What is to be looked at, the most urgent first: hints, what is new, what is open, what is old."""
        queries, name = self.ledger.queries, self._connection
        pending = queries.pending(name, datetime.now(UTC), LOOKS)
        before.update((one.ref, one) for one in pending)
        new = [one for one in pending if one.source is not Source.HISTORY]
        yield from ((one.ref, one.source) for one in new)
        opened = [ref for ref in queries.open_instances(name) if ref not in self._fresh and ref not in before]
        waiting = {one.ref for one in queries.quarantine(name, limit=100_000)} if opened else set()
        random.shuffle(opened)  # so that none is always the last, should there be too many
        yield from ((ref, Source.POLL) for ref in opened if ref not in waiting)
        yield from ((one.ref, one.source) for one in pending if one.source is Source.HISTORY)

    def _some(
        self, queue: Iterator[tuple[BuildRef, Source]], before: Mapping[BuildRef, Pending]
    ) -> list[Look]:
        """The next few looks. Stops early where the vendor seems to be away, and where it can't be asked at all."""
        looks: list[Look] = []
        for ref, source in queue:
            known = before.get(ref)
            purpose = Purpose.BACKFILL if source is Source.HISTORY else Purpose.POLL
            try:
                with asking_for(purpose):
                    look = self._attempts.look(ref, source, known.error if known else None)
            except RateLimited:
                if source is not Source.HISTORY:
                    raise
                break
            if known is None and isinstance(look.failure, UnsupportedCapability):
                continue
            looks.append(look)
            fruitless = [isinstance(one.failure, Retryable) for one in looks[-FRUITLESS:]]
            if (
                len(looks) >= BATCH
                or sum(one.size for one in looks) > BATCH_SIZE
                or sum(fruitless) == FRUITLESS
            ):
                break
        return looks

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
            return False

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
        for _ in range(WALK_PAGES):
            if self.ledger.queries.pending_counts(self._connection).get(Source.HISTORY, 0) > LOOKS:
                return True
            self._hold()
            page = self._adapter.history(cursor, since)
            if page.more:
                self._must_move(cursor, page)
            now = datetime.now(UTC)
            state = {"walk": json.dumps(page.cursor)} if page.more else {"walk": None, "walked_at": now}
            self._take(_Found(page, Source.HISTORY, values={**state, "walk_since": since}))
            if not page.more:
                return False
            cursor = page.cursor
        return True

    # Writing ----------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        """Hold the lease for longer once half of it is over: many slow answers must not cost it."""
        if self.lease.until - datetime.now(UTC) < timedelta(seconds=LEASE_SECONDS / 2):
            self.lease = self.ledger.store.renew(self.lease, LEASE_SECONDS)

    def _write(
        self,
        looks: Sequence[Look],
        also: Also,
        *,
        cursor: Mapping[str, Any] | None = None,
        late: Sequence[Look] = (),
    ) -> None:
        """Record what was looked at, in one transaction; what can't be stored goes into quarantine by itself."""

        def everything(transaction: Transaction) -> None:
            self._settle(transaction, looks)
            self._tell_late(transaction, late)
            also(transaction)

        snapshots = [one.snapshot for one in looks if one.snapshot is not None]
        self._builds += len(snapshots)
        try:
            self._record(snapshots, everything, cursor)
        except PipemgrError:
            raise
        except Exception as error:
            if not snapshots:
                raise
            self._builds -= len(snapshots)
            self._write_singly(looks, error)
            self._record([], also, cursor)

    def _write_singly(self, looks: Sequence[Look], error: Exception) -> None:
        """Record each by itself; a single one that fails is kept with its error."""
        if len(looks) > 1:
            for one in looks:
                self._write([one], lambda _transaction: None)
            return
        (one,) = looks
        said = f"can't be recorded: {type(error).__name__}"
        self._problems.append(f"{one.ref.pipeline} {one.ref.build} {said}")
        self._record(
            [], lambda transaction: self._settle(transaction, [Look(one.ref, one.source, error=said)])
        )

    def _record(
        self, snapshots: Iterable[BuildInstance], also: Also, cursor: Mapping[str, Any] | None = None
    ) -> None:
        recorded = self._recorder.record(
            self._connection, snapshots, lease=self.lease, cursor=cursor, also=also
        )
        self._changes += recorded.changes

    def _settle(self, transaction: Transaction, looks: Sequence[Look]) -> None:
        """What was read whole is pending no more, the rest is tried again."""
        transaction.looked_at(self._connection, [one.ref for one in looks if one.error is None])
        for one in looks:
            if one.error is not None and self._storable(one.ref):
                transaction.pend_failed(self._connection, one.ref, one.source, one.error)

    def _tell_late(self, transaction: Transaction, looks: Sequence[Look]) -> None:
        """Tell of attempts that a poll before should have found, and only the walk did: gaps that are closed."""
        polled = self._standing.last_success_at
        if self._standing.walked_at is None or polled is None:
            return
        began: dict[str, list[datetime]] = {}
        for one in looks:
            moment = one.snapshot and (one.snapshot.queued_at or one.snapshot.started_at)
            if moment and moment < polled:
                began.setdefault(one.ref.pipeline, []).append(moment)
        for pipeline, moments in began.items():
            transaction.gap(
                self._connection,
                pipeline=pipeline,
                since=min(moments),
                until=max(moments),
                expected=len(moments),
                found=len(moments),
                reason=FOUND_LATE,
                closed_at=transaction.now,
            )

    def _finish(self, *, walking: bool, skipped: bool) -> Polled:
        """End the lease, and say when to come back."""
        queries, now = self.ledger.queries, datetime.now(UTC)
        counts = queries.pending_counts(self._connection, due=now)
        left = sum(counts.values())
        self.urgent = left > counts.get(Source.HISTORY, 0)
        changed = now if self._changes else self._standing.changed_at
        moment = Moment(
            now, bool(queries.open_instances(self._connection)), bool(left), walking, changed, self._wait
        )
        values: dict[str, Any] = {"changed_at": now} if self._changes else {}
        if skipped:
            values |= {"walk": None, "walked_at": now, "skipped_until": now}
        with self.ledger.store.transaction() as transaction:
            due = next_due(self._pace, moment, random.random())  # noqa: S311 - no secret
            transaction.commit_poll(self.lease, None, due, **values)
        return Polled(
            connection=self._connection,
            builds=self._builds,
            changes=self._changes,
            problems=tuple(self._problems),
            left=left,
        )


def _refs(page: PollPage) -> list[BuildRef]:
    return [*(one.ref for one in page.builds), *page.seen, *(one.ref for one in page.unread)]
