"""Syncing, the main job: publish what changed and poll what happened, once, at every connection."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipemgr.adapter.guard import fault
from pipemgr.errors import Busy, PipemgrError, Retryable, UnsupportedCapability
from pipemgr.ingest.poller import Pace, Polled, poll
from pipemgr.ledger.keys import attempt_key
from pipemgr.model.events import Kind
from pipemgr.plan.apply import Applied

from . import planning
from .builds import Started
from .runtime import Runtime

WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Failure:
    """A connection that could not be polled, and whether trying again may help."""

    connection: str
    error: PipemgrError

    @property
    def retryable(self) -> bool:
        """Whether it is the vendor's or the network's passing trouble, or another worker at the same work."""
        return isinstance(self.error, Retryable | Busy)


Step = Applied | Polled | Failure


def sync(runtime: Runtime, only: str | None = None) -> Iterator[Step]:
    """Publish what changed, then poll; each thing done or failed as it happens.

    One connection that fails does not stop the others, nor does a definition that is invalid.
    """
    for connection in runtime.connections(only):
        try:
            with contextlib.suppress(UnsupportedCapability):
                yield from planning.carry_out(runtime, planning.plan(runtime, connection))
            planning.refuse(planning.valid_definitions(runtime)[1])
        except Exception as error:  # noqa: BLE001 - the other connections must go on
            yield Failure(connection, _told(error, connection))
    yield from poll_all(runtime, only)


def poll_all(runtime: Runtime, only: str | None = None) -> Iterator[Polled | Failure]:
    """Poll every connection once, or the one named."""
    for connection in runtime.connections(only):
        try:
            yield _poll(runtime, connection)
        except Exception as error:  # noqa: BLE001 - the other connections must go on
            yield Failure(connection, _told(error, connection))


def _poll(runtime: Runtime, connection: str) -> Polled:
    pace = Pace.of(runtime.workspace.config.connections[connection])
    return poll(connection, runtime.adapter(connection), runtime.ledger, pace)


def _told(error: Exception, connection: str) -> PipemgrError:
    return error if isinstance(error, PipemgrError) else fault(error, connection)


def wait_for(
    runtime: Runtime,
    started: Sequence[Started],
    *,
    pause: Callable[[], None],
    tick: Callable[[int], None] | None = None,
    seconds: float = WAIT_SECONDS,
) -> None:
    """Poll until all these builds are finished; `tick` hears how many still are not.

    Another worker that polls the same connection meanwhile does the work as well.

    Raises the error of a connection that can't be polled, and `PipemgrError` after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        for connection in dict.fromkeys(one.connection for one in started):
            with contextlib.suppress(Busy):
                _poll(runtime, connection)
        left = sum(not _finished(runtime, one) for one in started)
        if tick:
            tick(left)
        if not left:
            return
        if time.monotonic() > deadline:
            raise PipemgrError(
                f"{left} build{'s are' if left != 1 else ' is'} still not finished after {seconds:.0f} s",
                remedy="they go on; `pipemgr poll` records how they end",
            )
        pause()


def _finished(runtime: Runtime, started: Started) -> bool:
    key = attempt_key(started.ref)
    found = runtime.ledger.queries.by_key(Kind.BUILD_INSTANCE, started.connection, key)
    return found is not None and found.status is not None and found.status.finished
