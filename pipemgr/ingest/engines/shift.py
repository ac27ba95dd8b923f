"""A shift: one process's part of the schedule. It claims what is due, polls it, and tells what came of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import random

from pipemgr.adapter.base import Adapter
from pipemgr.adapter.guard import fault
from pipemgr.errors import Busy, LedgerError, PipemgrError
from pipemgr.ingest import poller
from pipemgr.ingest.poller import Polled
from pipemgr.ingest.schedule import Pace, retry_due
from pipemgr.ingest.worker import is_gone, me
from pipemgr.ledger import Ledger
from pipemgr.ledger.leases import Failure, Lease

_INTERRUPTED = Failure(counts=False)

Told = Callable[[str, Polled | PipemgrError], None]
"""Hears of every poll what came of it, by the connection's name. Called from any thread."""

DAILY = ":daily"
"""The row of the schedule that keeps the chores; no connection can have this name."""
DAY = timedelta(days=1)
CHORES_SECONDS = 3600.0
"""How long the chores may take before another process may begin them again, unless this one is known to be dead."""


@dataclass
class Shift:
    """What a process that polls has open. Safe to use from several threads."""

    ledger: Ledger
    adapter: Callable[[str], Adapter]
    """The adapter of a connection, the same object every time; called from one thread at a time."""
    paces: Mapping[str, Pace]
    """The connections that are polled here, and how often."""
    tell: Told = lambda _name, _outcome: None
    daily: Callable[[], None] = lambda: None
    """What is to be done once a day, by one process of all."""
    _making: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _running: set[str] = field(default_factory=set, repr=False)
    _unused: dict[str, Lease] = field(default_factory=dict, repr=False)
    _kept: dict[str, tuple[Lease, str]] = field(default_factory=dict, repr=False)

    def due(self, limit: int, *, owner: str | None = None, seconds: float | None = None) -> list[Lease]:
        """Claim up to `limit` connections that are due; for `owner` and `seconds` instead of this process's poll."""
        self._give_back_kept()
        return self.ledger.store.claim_due(
            owner or me(),
            limit,
            seconds or poller.LEASE_SECONDS,
            names=tuple(self.paces),
            is_gone=is_gone,
        )

    def take(self, name: str, ticket: str) -> Lease | None:
        """Take over what was claimed for whoever brings this ticket; None when that is over.

        A ticket is the owner of a claim. It is good once: the claim is then this process's. One that comes late finds
        the connection polled and not due, or in other hands.
        """
        self._give_back_kept()
        return self.ledger.store.claim(
            name, me(), poller.LEASE_SECONDS, due_only=True, is_gone=lambda owner: owner == ticket
        )

    def work(self, lease: Lease) -> None:
        """Poll under a lease, and tell what came of it. Raises nothing that a vendor, network or database may cause."""
        with self._alone(lease) as alone:
            if not alone:
                self._unused[lease.name] = lease
                return
            try:
                outcome: Polled | PipemgrError = self._poll(lease)
            except Busy:
                return  # somebody else took it over: theirs is the poll that counts
            except LedgerError as error:
                self._kept[lease.name] = (lease, error.message)
                outcome = error
            except PipemgrError as error:
                outcome = error
        self.tell(lease.name, outcome)

    def give_back(self, lease: Lease, reason: str) -> None:
        """End a lease now, so that another process can go on; one that is lost already stays lost."""
        with contextlib.suppress(LedgerError):
            self.ledger.store.fail_poll(lease, reason, datetime.now(UTC), kind=_INTERRUPTED)

    def give_back_unused(self, reason: str) -> None:
        """End the leases that a hanging thread kept this process from using, when it stops and they need not run out."""
        while self._unused:
            self.give_back(self._unused.popitem()[1], reason)

    def chores(self) -> None:
        """Do what is to be done daily, if nobody has done it today."""
        store = self.ledger.store
        store.register(DAILY, "")
        lease = store.claim(DAILY, me(), CHORES_SECONDS, due_only=True, is_gone=is_gone)
        if lease is None:
            return
        self.daily()
        with store.transaction() as transaction:
            transaction.commit_poll(lease, None, datetime.now(UTC) + DAY)

    @contextlib.contextmanager
    def _alone(self, lease: Lease) -> Iterator[bool]:
        """Whether no other thread of this process uses the connection's adapter.

        One does when it hangs in the adapter past its lease. The new lease then runs out unused, so that another
        process may have the connection.
        """
        with self._making:
            alone = lease.name not in self._running
            self._running.add(lease.name)
        try:
            yield alone
        finally:
            if alone:
                self._running.discard(lease.name)

    def _poll(self, lease: Lease) -> Polled:
        try:
            with self._making:
                adapter = self.adapter(lease.name)
        except Exception as error:  # noqa: BLE001 - a stranger's constructor, or wrong settings
            told = error if isinstance(error, PipemgrError) else fault(error, lease.name)
            due = retry_due(datetime.now(UTC), lease.standing.failures + 1, told, random())  # noqa: S311 - jitter
            self.ledger.store.fail_poll(lease, str(told), due)
            raise told from None
        try:
            return poller.run(lease, adapter, self.ledger, self.paces[lease.name])
        except PipemgrError:
            raise
        except Exception as error:
            raise fault(error, lease.name) from error

    def _give_back_kept(self) -> None:
        """Give back what couldn't be while the database was away. A poll that could end its lease keeps its pause."""
        if not self._kept:
            return
        held = {one.name for one in self.ledger.queries.connections() if one.owner == me()}
        for name, (lease, reason) in list(self._kept.items()):
            if name in held:
                with contextlib.suppress(Busy):
                    self.ledger.store.fail_poll(lease, reason, datetime.now(UTC), kind=_INTERRUPTED)
            self._kept.pop(name, None)
