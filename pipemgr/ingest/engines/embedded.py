"""The embedded engine: ticks and threads in one process, with no server beside the ledger's database."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pipemgr.ledger.leases import Lease

from . import Setup, Shift
from .ticking import TICK_SECONDS, Ticking

GRACE_SECONDS = 20.0
"""How long `stop` waits for polls that run."""


class Embedded(Ticking):
    """As many polls at once as `[polling] workers` says, each in a thread.

    A connection is claimed only when a thread is free for it, so that no lease grows old in a queue and another
    process with a free thread may have it.
    """

    def __init__(self, setup: Setup, *, grace: float = GRACE_SECONDS) -> None:
        super().__init__(setup)
        self._grace = grace
        self._free = threading.Semaphore(setup.polling.workers)
        self._pool = ThreadPoolExecutor(setup.polling.workers, thread_name_prefix="poll")
        self._running: dict[Future[None], Lease] = {}

    def run_once(self) -> int:
        """Poll everything that is due now, and wait for it."""
        with self.setup.shift() as shift:
            done = self.tick(shift)
            wait(list(self._running))
            return done

    def tick(self, shift: Shift) -> int:
        """Claim as much as there are free threads, again and again while more is due."""
        done = 0
        while not self.stopping.is_set():
            room = self._room()
            if not room:
                continue
            found: list[Lease] = []
            try:
                found = shift.due(room)
            finally:
                self._free.release(room - len(found)) if room > len(found) else None
            for lease in found:
                self._start(shift, lease)
            done += len(found)
            if len(found) < room:
                break
        return done

    def finish(self, shift: Shift) -> int:
        """Wait for the polls that run; give back the leases of those that take too long."""
        left = wait(list(self._running), self._grace).not_done
        for future in left:
            shift.give_back(self._running[future], "the process that polled was stopped")
        self._pool.shutdown(wait=False)
        return len(left)

    def _room(self) -> int:
        """How many threads are free, taken for what comes next; waits for the first, but not for ever."""
        room = int(self._free.acquire(timeout=TICK_SECONDS))
        while room and self._free.acquire(blocking=False):
            room += 1
        return room

    def _start(self, shift: Shift, lease: Lease) -> None:
        future = self._pool.submit(shift.work, lease)
        self._running[future] = lease
        future.add_done_callback(self._ended)

    def _ended(self, future: Future[None]) -> None:
        self._running.pop(future, None)
        self._free.release()
