"""Polling: one connection, once. The cursor discovers builds, and every open build is followed to its end.

What a poll saw, its cursor and the next due time are written together, guarded by the lease's fence: a poll that
is killed leaves nothing behind, and one that was overtaken writes nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pipemgr.adapter.base import Adapter, PollPage
from pipemgr.errors import (
    AdapterError,
    AuthenticationFailed,
    Busy,
    LedgerError,
    PipemgrError,
    Retryable,
    UnsupportedCapability,
)
from pipemgr.ledger import Ledger
from pipemgr.ledger.leases import Lease
from pipemgr.model.base import Value
from pipemgr.model.runs import BuildInstance, BuildLog

from .recorder import INLINE_BYTES, Recorder
from .worker import is_gone, me

LEASE_SECONDS = 120.0
"""How long a poll may take for one page before another worker may take over."""
RETRY_SECONDS = 30.0
LONGEST_WAIT = 86_400.0
"""A vendor may ask for patience, but a connection is tried again at least once a day; in seconds."""


class Polled(Value):
    """What one poll of a connection did."""

    connection: str
    builds: int = 0
    """Snapshots that were looked at."""
    changes: int = 0
    """Objects that were new or changed."""
    problems: tuple[str, ...] = ()
    """Single builds or logs that could not be read; the rest of the poll went on."""


def poll(connection: str, adapter: Adapter, ledger: Ledger, *, every: float) -> Polled:
    """Poll a connection once and record what happened; `every` is its interval in seconds.

    Raises `Busy` when another worker polls it right now, and whatever `AdapterError` stopped the poll; the
    connection's row then says why and when to try again.
    """
    lease = ledger.store.claim(connection, me(), LEASE_SECONDS, is_gone=is_gone)
    if lease is None:
        raise _busy(connection, ledger)
    try:
        return _Poll(connection, adapter, ledger, lease, every).run()
    except Busy:
        raise
    except PipemgrError as error:
        _give_back(ledger, lease, str(error), getattr(error, "retry_after", RETRY_SECONDS))
        raise
    except BaseException as error:
        # Interrupted, or a fault of the adapter: the connection must not stay taken until the lease ends.
        _give_back(ledger, lease, f"the poll broke off: {type(error).__name__}", RETRY_SECONDS)
        raise


def _busy(connection: str, ledger: Ledger) -> Busy:
    owners = {one.name: one.owner for one in ledger.queries.connections()}
    return Busy(
        f"another worker ({owners.get(connection) or 'just leaving'}) is polling {connection!r}",
        where=connection,
        remedy=f"wait for it; should it be dead, its lease ends within {LEASE_SECONDS:.0f} s",
    )


def _give_back(ledger: Ledger, lease: Lease, reason: str, seconds: float) -> None:
    """End a lease early. Where even that fails, the first error is the one to tell, and the lease ends by itself."""
    wait = timedelta(seconds=min(max(0.0, seconds), LONGEST_WAIT))
    with contextlib.suppress(LedgerError):
        ledger.store.fail_poll(lease, reason, datetime.now(UTC) + wait)


class _Poll:
    """One poll under one lease."""

    def __init__(self, connection: str, adapter: Adapter, ledger: Ledger, lease: Lease, every: float) -> None:
        self.connection = connection
        self.adapter = adapter
        self.ledger = ledger
        self.lease = lease
        self.every = every
        self.problems: list[str] = []

    def run(self) -> Polled:
        """Close what is open, then page through what is new."""
        builds = changes = 0
        known = tuple(self._open_builds())
        page = self.adapter.poll(self.lease.cursor)
        while True:
            seen = (*known, *page.builds)
            changes += self._record(seen, page)
            builds += len(seen)
            if not page.more:
                break
            self.lease = self.ledger.store.renew(self.lease, LEASE_SECONDS)
            known, page = (), self._next(page)
        self.ledger.store.seal()
        return Polled(
            connection=self.connection, builds=builds, changes=changes, problems=tuple(self.problems)
        )

    def _hold(self) -> None:
        """Hold the lease for longer once half of it is over: many slow builds must not cost it."""
        if self.lease.until - datetime.now(UTC) < timedelta(seconds=LEASE_SECONDS / 2):
            self.lease = self.ledger.store.renew(self.lease, LEASE_SECONDS)

    def _next(self, page: PollPage) -> PollPage:
        """The page after `page`. One with the same cursor would come again for ever."""
        found = self.adapter.poll(page.cursor)
        if found.more and found.cursor == page.cursor:
            raise AdapterError(
                "the adapter says that there is more, but its cursor does not move",
                where=self.connection,
                remedy="report it to the author of the adapter",
            )
        return found

    def _open_builds(self) -> Iterator[BuildInstance]:
        """Every build that was not finished, as it is now. One that can't be read is told and tried again."""
        for ref in self.ledger.queries.open_instances(self.connection):
            self._hold()
            try:
                yield self.adapter.snapshot(ref)
            except UnsupportedCapability:
                return
            except (Retryable, AuthenticationFailed):
                raise  # not about this one build
            except AdapterError as error:
                self.problems.append(f"{ref.pipeline} {ref.build}: {error.message}")

    def _record(self, builds: tuple[BuildInstance, ...], page: PollPage) -> int:
        wait = self.every if page.wait is None else page.wait
        due = None if page.more else datetime.now(UTC) + timedelta(seconds=wait)
        recorded = Recorder(self.ledger).record(
            self.connection,
            [self._with_logs(one) for one in builds if self._can_be_kept(one)],
            lease=self.lease,
            cursor=page.cursor,
            due_at=due,
        )
        return recorded.changes

    def _can_be_kept(self, build: BuildInstance) -> bool:
        """Whether a snapshot is text that can be stored; one that is not must not stop the others."""
        try:
            json.loads(build.model_dump_json())
        except ValueError as error:
            self.problems.append(f"{build.build.pipeline} {build.build.external_id} can't be kept: {error}")
            return False
        return True

    def _with_logs(self, build: BuildInstance) -> BuildInstance:
        """The snapshot with the text of each log that is complete; one that is kept already is not read again."""
        self._hold()
        kept = self.ledger.queries.kept_logs(self.connection, build.ref)
        logs = tuple(self._read(build, log) for log in build.logs if log.name not in kept)
        return build.model_copy(update={"logs": logs})

    def _read(self, build: BuildInstance, log: BuildLog) -> BuildLog:
        if not log.complete:
            return log
        try:
            return self._whole(build, log)
        except (Retryable, AuthenticationFailed):
            raise  # the build would be closed and its log never asked for again
        except AdapterError as error:
            self.problems.append(
                f"{build.build.pipeline} {build.build.external_id}, log {log.name}: {error.message}"
            )
            return log.model_copy(update={"complete": False})

    def _whole(self, build: BuildInstance, log: BuildLog) -> BuildLog:
        pieces = self._pieces(build, log)
        head = b""
        for piece in pieces:
            head += piece
            if len(head) > INLINE_BYTES:
                break
        if len(head) <= INLINE_BYTES:
            text = head.decode("utf-8", "replace")
            return log.model_copy(update={"text": text, "offset": len(head), "uri": None})
        digest, size = self.ledger.blobs.put(_chain(head, pieces))
        return log.model_copy(update={"digest": digest, "offset": size, "text": None})

    def _pieces(self, build: BuildInstance, log: BuildLog) -> Iterator[bytes]:
        offset = 0
        while True:
            chunk = self.adapter.logs(build.ref, log.name, offset)
            if chunk.text:
                yield chunk.text.encode("utf-8", "replace")
            if chunk.complete:
                return
            if not chunk.text or chunk.offset <= offset:
                raise AdapterError(f"ends at byte {offset}, although it is said to be complete")
            offset = chunk.offset


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
