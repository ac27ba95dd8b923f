"""Ticking: looks at the schedule at short intervals, and at the daily chores at long ones, by APScheduler."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from pipemgr.adapter.guard import fault
from pipemgr.errors import PipemgrError
from pipemgr.ingest.poller import Polled

from . import Engine, Shift

TICK_SECONDS = 0.5
"""How often the schedule is looked at while nothing is due."""
CHORES_SECONDS = 600.0
"""How often it is looked whether the chores of the day are done."""
HUB = "pipemgr"
"""What failures are told under that belong to no connection."""


class Ticking(Engine):
    """An engine that hands out at every tick, however long the last one took."""

    def run_forever(self) -> int:
        """Tick until `stop`; see `Engine`."""
        with self.setup.shift() as shift:
            clock = _clock()
            jobs = ((self.tick, TICK_SECONDS), (Shift.chores, CHORES_SECONDS))
            for job, seconds in jobs:
                clock.add_job(
                    _telling(job, shift), "interval", seconds=seconds, next_run_time=datetime.now(UTC)
                )
            clock.start()
            try:
                self.stopping.wait()
            finally:
                self.stopping.set()
                clock.shutdown()
            return self.finish(shift)

    @abstractmethod
    def tick(self, shift: Shift) -> int:
        """Hand out what is due; how many connections that were."""

    def finish(self, shift: Shift) -> int:
        """Wait for what was handed out, for a while; how many polls were left unfinished."""
        del shift
        return 0


def _clock() -> BackgroundScheduler:
    # Ticks that would overlap are left out, which is what is wanted here and no warning for anybody.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    return BackgroundScheduler(timezone=UTC, job_defaults={"max_instances": 1, "coalesce": True})


def _telling(job: Callable[[Shift], object], shift: Shift) -> Callable[[], None]:
    """The job, whose failure is told and does not end the ticking: a database that is away comes back."""
    failing = False

    def run() -> None:
        nonlocal failing
        try:
            job(shift)
        except PipemgrError as error:
            failing = True
            shift.tell(HUB, error)
        except Exception as error:  # noqa: BLE001 - an engine that stops ticking silently is the worst of all
            failing = True
            shift.tell(HUB, fault(error, HUB))
        else:
            if failing:
                shift.tell(HUB, Polled(connection=HUB))
            failing = False

    return run
