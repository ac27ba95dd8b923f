"""Following: a build until its end, and its logs while they are written, through a vendor's passing troubles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from pipemgr.adapter.base import Adapter
from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import AdapterError, AuthenticationFailed, NotFound, PipemgrError, Retryable
from pipemgr.model.runs import BuildInstance, BuildRef
from pipemgr.model.status import Status

from .asking import answer, require
from .builds import LabelledLog, Started, labelled
from .runtime import Runtime
from .syncing import wait_for

Answer = TypeVar("Answer")
Tell = Callable[[str], None]
FIRST_SECONDS, GROWTH = 0.5, 1.5
MOST_FAILURES = 30
"""In a row, after which following ends with the error: about a quarter of an hour."""
LONGEST_SECONDS = 60.0
"""Between two tries while the vendor is in trouble."""
UNSEEN = 5
"""How often a build that was just begun may be unknown to its vendor."""
LATE = 5
"""How often to look again for the rest of a log whose build is over."""
SETTLE_SECONDS = 60.0
"""How long to wait until the ledger has the end of a build that was followed."""


@dataclass
class Rhythm:
    """How often to ask: soon at first, for builds that are over at once, then every `seconds`."""

    seconds: float = 3.0
    sleep: Callable[[float], None] = time.sleep
    _next: float = field(default=FIRST_SECONDS, init=False)

    def pause(self) -> None:
        """Wait until it is time to ask again."""
        wait, self._next = min(self._next, self.seconds), self._next * GROWTH
        self.sleep(wait)


class Patience:
    """Asks again while a vendor is in passing trouble, and says so once for each trouble."""

    def __init__(self, rhythm: Rhythm, tell: Tell) -> None:
        self._rhythm = rhythm
        self._tell = tell
        self._failures = 0
        self._told = ""
        self._seen = False

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer, when there is one. Raises what does not pass, and what has not passed for long."""
        while True:
            try:
                found = question()
            except Retryable as error:
                self.fail(error)
            except NotFound as error:
                if self._seen or self._failures >= UNSEEN:
                    raise
                self.fail(error)
            else:
                self._failures, self._told, self._seen = 0, "", True
                return found

    def fail(self, error: AdapterError) -> None:
        """Tell of a trouble and wait for it to pass. Raises it when it has come too often."""
        self._failures += 1
        if self._failures > MOST_FAILURES:
            raise error
        if str(error) != self._told:
            self._told = str(error)
            self._tell(f"{error}; trying again")
        wait = max(
            self._rhythm.seconds, getattr(error, "retry_after", FIRST_SECONDS * GROWTH**self._failures)
        )
        self._rhythm.sleep(min(wait, max(LONGEST_SECONDS, getattr(error, "retry_after", 0.0))))


def watch(
    runtime: Runtime, connection: str, ref: BuildRef, rhythm: Rhythm, tell: Tell
) -> Iterator[BuildInstance]:
    """An attempt each time it has changed, until it is over.

    Raises `UnsupportedCapability` when the connection's adapter can't look at a build.
    """
    require(runtime, connection, Capability.SNAPSHOT)
    adapter, patience = runtime.adapter(connection), Patience(rhythm, tell)
    last: BuildInstance | None = None
    while True:
        seen = patience.ask(lambda: adapter.snapshot(ref))
        if seen != last:
            yield seen
        if seen.status.finished:
            return
        last = seen
        rhythm.pause()


def changes(before: BuildInstance | None, after: BuildInstance) -> Iterator[tuple[tuple[str, ...], Status]]:
    """What has another status than before: the path of its name (none for the build itself), and its status."""
    known = dict(_statuses(before)) if before else {}
    for path, status in _statuses(after):
        old = known.get(path)
        if old is None or (old.state, old.result, old.reason) != (status.state, status.result, status.reason):
            yield tuple(name for name, _ in path), status


def _statuses(snapshot: BuildInstance) -> Iterator[tuple[tuple[tuple[str, str], ...], Status]]:
    yield (), snapshot.status
    for stage in snapshot.stages:
        above = (stage.name, stage.external_id)
        yield (above,), stage.status
        for step in stage.steps:
            yield (above, (step.name, step.external_id)), step.status


def settle(runtime: Runtime, started: Started, rhythm: Rhythm, tell: Tell) -> bool:
    """Bring the end of a build into the ledger; whether it is there. What hinders that is told."""
    try:
        wait_for(runtime, (started,), pause=rhythm.pause, seconds=SETTLE_SECONDS)
    except PipemgrError as error:
        tell(f"the ledger does not have its end yet: {error}; the next `pipemgr poll` records it")
        return False
    return True


class LogFollower:
    """Reads the logs of an attempt piece by piece, each from where it was left.

    Logs that are not complete are read from vendors that have them `live`, from others when they are complete.
    """

    def __init__(
        self, adapter: Adapter, ref: BuildRef, *, live: bool, chosen: Callable[[LabelledLog], bool]
    ) -> None:
        self._adapter = adapter
        self._ref = ref
        self._live = live
        self._chosen = chosen
        self._offsets: dict[str, int] = {}
        self._done: set[str] = set()
        self.trouble: Retryable | None = None
        """What broke off the last round."""

    def left(self, snapshot: BuildInstance) -> list[LabelledLog]:
        """The logs that are wanted and not read to their end."""
        return [one for one in labelled(snapshot) if one.log.name not in self._done and self._chosen(one)]

    def read(self, snapshot: BuildInstance, tell: Tell) -> Iterator[tuple[LabelledLog, str]]:
        """What is new, in the order of stages and steps."""
        self.trouble = None
        for one in self.left(snapshot):
            if not (one.log.complete or self._live or snapshot.status.finished):
                continue
            try:
                for text in self._rest(one.log.name):
                    yield one, text
            except Retryable as error:
                self.trouble = error
                return
            except AuthenticationFailed:
                raise
            except NotFound as error:
                if one.log.complete:
                    self._give_up(one, error, tell)
            except AdapterError as error:
                self._give_up(one, error, tell)

    def _rest(self, name: str) -> Iterator[str]:
        while True:
            offset = self._offsets.get(name, 0)
            chunk = self._adapter.logs(self._ref, name, offset)
            self._offsets[name] = max(offset, chunk.offset)
            if chunk.complete:
                self._done.add(name)
            if chunk.text:
                yield chunk.text
            if chunk.complete or not chunk.text or chunk.offset <= offset:
                return

    def _give_up(self, one: LabelledLog, error: AdapterError, tell: Tell) -> None:
        self._done.add(one.log.name)
        tell(f"the log of {one.stage} / {one.step} can't be read: {error.message}")


def follow_logs(  # noqa: PLR0913 - who follows has to say all of this
    runtime: Runtime,
    started: Started,
    chosen: Callable[[LabelledLog], bool],
    rhythm: Rhythm,
    tell: Tell,
    seen: Callable[[BuildInstance], None] = lambda _snapshot: None,
) -> Iterator[tuple[LabelledLog, str] | None]:
    """The logs of an attempt as they are written, until it is over and they are complete.

    Gives pieces of text, and None after each round. `seen` hears of the attempt before its logs are read.
    """
    connection, ref = started.connection, started.ref
    require(runtime, connection, Capability.SNAPSHOT)
    require(runtime, connection, Capability.LOGS)
    live = answer(runtime, connection, Capability.LIVE_LOGS)
    if not live:
        tell(
            f"{connection} has no logs that can be read while they are written ({live.note}): each is printed when it is complete"
        )
    adapter, patience = runtime.adapter(connection), Patience(rhythm, tell)
    follower = LogFollower(adapter, ref, live=bool(live), chosen=chosen)
    late = 0
    while late <= LATE:
        snapshot = patience.ask(lambda: adapter.snapshot(ref))
        seen(snapshot)
        progress = False
        for piece in follower.read(snapshot, tell):
            progress = True
            yield piece
        yield None
        if follower.trouble:
            patience.fail(follower.trouble)
            continue
        if snapshot.status.finished:
            if not follower.left(snapshot):
                return
            late = 0 if progress else late + 1
        rhythm.pause()
    for one in follower.left(snapshot):
        tell(f"the log of {one.stage} / {one.step} is not complete; the vendor tells no more of it")
