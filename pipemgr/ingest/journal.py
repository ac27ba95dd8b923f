"""The journal of one poll: what it saw and what is still to be done, written a few attempts at a time.

Every transaction shows the fence of the lease, so that a poll which was overtaken writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pipemgr.errors import PipemgrError
from pipemgr.ledger import Ledger
from pipemgr.ledger.gaps import FOUND_LATE
from pipemgr.ledger.leases import Lease
from pipemgr.ledger.pending import can_be_kept
from pipemgr.ledger.store import Transaction
from pipemgr.model.runs import BuildInstance, BuildRef

from .attempts import Look
from .recorder import Recorder

Also = Callable[[Transaction], None]
"""What is written together with snapshots."""


def _nothing(_transaction: Transaction) -> None:
    """Write no more than the snapshots."""


class Journal:
    """Writes under one lease, `seconds` long, and keeps it."""

    def __init__(self, ledger: Ledger, lease: Lease, seconds: float) -> None:
        self.lease = lease
        self.builds = self.changes = 0
        self.problems: list[str] = []
        self._ledger = ledger
        self._name = lease.name
        self._seconds = seconds
        self._recorder = Recorder(ledger)

    def hold(self) -> None:
        """Hold the lease for longer once half of it is over: many slow answers must not cost it."""
        if self.lease.until - datetime.now(UTC) < timedelta(seconds=self._seconds / 2):
            self.lease = self._ledger.store.renew(self.lease, self._seconds)

    def write(
        self,
        looks: Sequence[Look],
        also: Also = _nothing,
        *,
        cursor: Mapping[str, Any] | None = None,
        late: Sequence[Look] = (),
    ) -> None:
        """Record what was looked at, in one transaction; what can't be stored goes into quarantine by itself.

        `late` are those that a poll before should have found.
        """

        def everything(transaction: Transaction) -> None:
            self._settle(transaction, looks)
            self._tell_late(transaction, late)
            also(transaction)

        snapshots = [one.snapshot for one in looks if one.snapshot is not None]
        try:
            self._record(snapshots, everything, cursor)
        except PipemgrError:
            raise
        except Exception as error:
            if not snapshots:
                raise
            self._write_singly(looks, error)
            self._record([], also, cursor)
        if cursor is not None:
            self.lease = replace(self.lease, cursor=dict(cursor))

    def storable(self, ref: BuildRef) -> bool:
        """Whether an attempt can be kept by its name; one that can't is told."""
        if can_be_kept(ref):
            return True
        self.problems.append(f"{ref.pipeline!r} {ref.build!r} is no name that can be kept")
        return False

    def _write_singly(self, looks: Sequence[Look], error: Exception) -> None:
        """Record each by itself; a single one that fails is kept with its error."""
        if len(looks) > 1:
            for one in looks:
                self.write([one])
            return
        (one,) = looks
        said = f"can't be recorded: {type(error).__name__}"
        self.problems.append(f"{one.ref.pipeline} {one.ref.build} {said}")
        self.write([Look(one.ref, one.source, error=said)])

    def _record(
        self, snapshots: Sequence[BuildInstance], also: Also, cursor: Mapping[str, Any] | None
    ) -> None:
        recorded = self._recorder.record(self._name, snapshots, lease=self.lease, cursor=cursor, also=also)
        self.builds += len(snapshots)
        self.changes += recorded.changes

    def _settle(self, transaction: Transaction, looks: Iterable[Look]) -> None:
        """What was read whole is pending no more, the rest is tried again."""
        looks = [one for one in looks if self.storable(one.ref)]
        transaction.looked_at(self._name, [one.ref for one in looks if one.error is None])
        for one in looks:
            if one.error is not None:
                transaction.pend_failed(self._name, one.ref, one.source, one.error)

    def _tell_late(self, transaction: Transaction, looks: Sequence[Look]) -> None:
        """Tell of attempts that only a sweep found, although a poll was since: gaps that are closed already."""
        polled = self.lease.standing.last_success_at
        began: dict[str, list[datetime]] = {}
        for one in looks:
            moment = one.snapshot and (one.snapshot.queued_at or one.snapshot.started_at)
            if moment and polled and moment < polled:
                began.setdefault(one.ref.pipeline, []).append(moment)
        for pipeline, moments in began.items():
            transaction.gap(
                self._name,
                pipeline=pipeline,
                since=min(moments),
                until=max(moments),
                expected=len(moments),
                found=len(moments),
                reason=FOUND_LATE,
                closed_at=transaction.now,
            )
