"""Schedule: when a connection is polled next. Pure: what is known goes in, seconds come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pipemgr.config import ConnectionConfig
from pipemgr.errors import RateLimited

QUIET = timedelta(hours=1)
"""When nothing has changed for so long, polls begin to be rarer: half as often for every hour more."""
FIRST_RETRY, LONGEST_RETRY = 30.0, 900.0
"""How long to wait after a failure, twice as long after each further one; in seconds."""
LONGEST_WAIT = 86_400.0
"""A vendor may ask for patience, but a connection is tried again at least once a day; in seconds."""
SPREAD = 0.1
"""Intervals differ by up to this part, so that connections that were due together don't stay so."""


@dataclass(frozen=True)
class Pace:
    """How a connection is polled; see `ConnectionConfig`. Times are in seconds."""

    every: float = 60.0
    running: float = 10.0
    idle: float = 300.0
    history: float = 30 * 86_400.0
    history_every: float = 86_400.0
    storm: int = 1000
    logs: Literal["all", "failed", "none"] = "all"

    @classmethod
    def of(cls, configured: ConnectionConfig) -> Pace:
        """The pace that is configured for a connection."""
        return cls(
            every=configured.poll_every,
            running=configured.poll_running,
            idle=configured.poll_idle,
            history=configured.history,
            history_every=configured.history_every,
            storm=configured.storm,
            logs=configured.logs,
        )


@dataclass(frozen=True)
class Moment:
    """What is known at the end of a poll that went well."""

    now: datetime
    running: bool
    """Whether a build is not finished."""
    left: bool
    """Whether something that was found can be looked at right now."""
    walking: bool
    """Whether a walk through the past goes on."""
    changed_at: datetime | None
    """When something was last new; None: never."""
    wait: float | None = None
    """What the vendor said, in seconds."""


def next_due(pace: Pace, moment: Moment, chance: float) -> datetime:
    """When to poll again. `chance` is a random number from 0 to 1.

    What is left is worked off at once. Else the vendor's word counts, and is never anticipated.
    """
    if moment.left:
        return moment.now
    if moment.wait is not None:
        return moment.now + timedelta(seconds=moment.wait * (1 + SPREAD * chance))
    return moment.now + timedelta(seconds=interval(pace, moment) * (1 - SPREAD + 2 * SPREAD * chance))


def interval(pace: Pace, moment: Moment) -> float:
    """Seconds between two polls: few while something runs, more when nothing has changed for long."""
    if moment.running or moment.walking:
        return min(pace.running, pace.every)
    quiet = moment.now - moment.changed_at if moment.changed_at else QUIET
    hours = min(max(0, quiet // QUIET), 20)
    slower: float = pace.every * 2**hours
    return max(pace.every, min(pace.idle, slower))


def retry_due(now: datetime, failures: int, error: BaseException, chance: float) -> datetime:
    """When to try again after so many failures in a row, the last of which was `error`."""
    if isinstance(error, RateLimited):
        return now + timedelta(seconds=min(max(0.0, error.retry_after) + chance, LONGEST_WAIT))
    seconds = min(FIRST_RETRY * 2 ** min(max(0, failures - 1), 10), LONGEST_RETRY)
    return now + timedelta(seconds=seconds * (1 - SPREAD + 2 * SPREAD * chance))
