"""The embedded engine: ticks and threads in one process, with no server beside the ledger's database."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pipemgr.ledger.leases import Lease

from . import Setup, Shift
from .ticking import TICK_SECONDS, Ticking

GRACE_SECONDS = 20.0
"""How long `stop` waits for polls that run."""
_MOST_AHEAD = 25
"""How many times the workers are claimed for at most, when polls are quick."""
_WEIGHT = 0.2
"""How much the latest poll counts in what a poll takes."""
_STOPPED = "the process that polled was stopped"


class Embedded(Ticking):
    """As many polls at once as `[polling] workers` says, each in a thread.

    What is claimed is what these threads can begin within a tick: of slow polls one for each free thread, so that no
    lease grows old in a queue and another process may have the connection; of quick ones many with one claim.
    """

    def __init__(self, setup: Setup, *, grace: float = GRACE_SECONDS) -> None:
        super().__init__(setup)
        self._grace = grace
        self._workers = setup.polling.workers
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="poll")
        self._changed = threading.Condition()
        self._running: dict[Future[None], Lease] = {}
        self._took = TICK_SECONDS

    def run_once(self) -> int:
        """Poll everything that is due now, and wait for it."""
        with self.setup.shift() as shift:
            done = self.tick(shift)
            wait(list(self._running))
            return done

    def tick(self, shift: Shift) -> int:
        """Claim what can be begun soon, again and again while more is due."""
        done = 0
        while not self.stopping.is_set():
            room = self._room()
            if not room:
                continue
            found = shift.due(room)
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
            shift.give_back(self._running[future], _STOPPED)
        shift.give_back_unused(_STOPPED)
        self._pool.shutdown(wait=False, cancel_futures=True)
        return len(left)

    def _room(self) -> int:
        """How many connections to claim now; waits until there is room, but not for ever."""
        with self._changed:
            most = self._workers * max(1, min(_MOST_AHEAD, int(TICK_SECONDS / self._took)))
            enough = max(self._workers - 1, most // 2)
            free = self._changed.wait_for(lambda: len(self._running) <= enough, TICK_SECONDS)
            return most - len(self._running) if free else 0

    def _start(self, shift: Shift, lease: Lease) -> None:
        with self._changed:
            future = self._pool.submit(self._work, shift, lease)
            self._running[future] = lease
        future.add_done_callback(self._ended)

    def _work(self, shift: Shift, lease: Lease) -> None:
        began = time.monotonic()
        shift.work(lease)
        self._took += (time.monotonic() - began - self._took) * _WEIGHT

    def _ended(self, future: Future[None]) -> None:
        with self._changed:
            self._running.pop(future, None)
            self._changed.notify()
