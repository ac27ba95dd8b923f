"""Histories: a world in which anything may happen, polled by a hub that anything may happen to.

`Histories` is a state machine for Hypothesis. Builds start, end, run again and are forgotten; webhooks come twice; the
vendor fails; polls are killed before any of their statements and requests. At the end the ledger must have the world's
history, attempts included, with each object created once and ended once.

For a vendor: subclass it, say in `connect` how its fake and its adapter are made, and in `ref` what the vendor calls an
attempt of the world.
"""

import contextlib
import json
import tempfile
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from pipemgr.adapter import Adapter, AdapterSettings, Connection, Hints, LogChunk, PollPage, Unread, Webhook
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.errors import AdapterError, NotFound, Unreachable
from pipemgr.ingest.poller import Pace, poll
from pipemgr.ingest.webhooks import Reception, receive
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.ledger.keys import attempt_key
from pipemgr.ledger.verify import verify
from pipemgr.model.events import Kind
from pipemgr.model.runs import Build, BuildInstance, BuildLog, BuildRef, StageInstance, StepInstance
from pipemgr.model.status import Result, State, Status
from pipemgr.testing.fakes.world import Attempt, Run, World

NAME = "here"
ENDS = (Result.SUCCESS, Result.FAILURE, Result.CANCELED)
PACE = Pace(history=100 * 365 * 86_400.0, history_every=1e-6)
"""Every poll walks through all of the past, so that a re-run of an old build is found at the next."""
WALK = 5
"""Polls in which a walk through everything surely ends."""
DRAINED = 50
"""Polls after which nothing may be left, once the world stands still."""


class Killed(BaseException):
    """What a poll dies of. As after kill -9, nothing that it still wants to do is done."""


class Death:
    """Kills the poll that is running before its `left`-th statement or request; None lets it live."""

    def __init__(self) -> None:
        self.left: int | None = None

    def __call__(self, *_: Any) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


class Histories(RuleBasedStateMachine):
    """See the module."""

    url: ClassVar[Callable[[], str]]
    """Makes the address of an empty ledger."""
    folder: ClassVar[Callable[[], Path]]
    """Makes an empty folder."""
    pipelines: ClassVar[tuple[str, ...]] = ("web", "api")
    reruns: ClassVar[bool] = True
    """Whether a build can have further attempts."""

    @abstractmethod
    def connect(self, world: World) -> Adapter:
        """The adapter, connected to a fake that serves this world; `self.stack` ends it."""

    @abstractmethod
    def ref(self, run: Run, attempt: Attempt) -> BuildRef | None:
        """What the vendor calls an attempt; None while it is no build yet."""

    def fail(self, times: int) -> None:
        """Let the next requests fail."""
        raise NotImplementedError

    def webhook(self, run: Run, delivery: str) -> Webhook:
        """What the vendor sends when something happens to a build."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.world = World()
        self.ledger: Ledger = open_ledger(type(self).url(), blobs=type(self).folder() / "blobs")
        self.stack.callback(self.ledger.close)
        self.ledger.store.register(NAME, "made-up")
        self.death = Death()
        sa.event.listen(self.ledger.engine, "before_cursor_execute", self.death)
        self.adapter = self.connect(self.world)
        self.deliveries = 0

    # The world --------------------------------------------------------------------------------------------

    def some(self, place: int, *states: State) -> Run | None:
        runs = [run for run in self.world.known() if run.latest.state in states]
        return runs[place % len(runs)] if runs else None

    @rule(place=st.integers(0, 9), count=st.integers(1, 3))
    def start(self, place: int, count: int) -> None:
        for _ in range(count):
            self.world.start(self.pipelines[place % len(self.pipelines)])
        self.world.tick()

    @rule(place=st.integers(0, 9))
    def begin(self, place: int) -> None:
        if run := self.some(place, State.QUEUED):
            self.world.begin(run)
            self.world.tick()

    @rule(place=st.integers(0, 9), result=st.sampled_from(ENDS))
    def finish(self, place: int, result: Result) -> None:
        if run := self.some(place, State.QUEUED, State.RUNNING):
            self.world.print(run, "so it ended\n")
            self.world.finish(run, result)
            self.world.tick()

    @precondition(lambda self: self.reruns)
    @rule(place=st.integers(0, 9))
    def rerun(self, place: int) -> None:
        if run := self.some(place, State.FINISHED):
            self.world.rerun(run)
            self.world.tick()

    @rule(place=st.integers(0, 9))
    def delete(self, place: int) -> None:
        if run := self.some(place, *State):
            self.world.delete(run)

    # The hub ----------------------------------------------------------------------------------------------

    @rule()
    def poll(self) -> None:
        with contextlib.suppress(AdapterError):
            poll(NAME, self.adapter, self.ledger, PACE)

    @precondition(lambda self: type(self).fail is not Histories.fail)
    @rule(times=st.integers(1, 5))
    def poll_while_the_vendor_fails(self, times: int) -> None:
        self.fail(times)
        self.poll()

    @rule(point=st.sampled_from(range(100)), count=st.integers(1, 3))
    def poll_and_be_killed(self, point: int, count: int) -> None:
        self.start(place=point, count=count)
        self.death.left = point
        try:
            with contextlib.suppress(Killed):
                self.poll()
        finally:
            self.death.left = None
        # Its lease ends: here at once, and with nothing in between.
        self.ledger.store.claim(NAME, "nobody", 0.0, is_gone=lambda _owner: True)

    @rule()
    def look_again(self) -> None:
        self.ledger.store.retry(NAME)

    @precondition(lambda self: type(self).webhook is not Histories.webhook)
    @rule(place=st.integers(0, 9), times=st.integers(1, 3))
    def hear(self, place: int, times: int) -> None:
        if run := self.some(place, *State):
            self.deliveries += 1
            sent = self.webhook(run, f"delivery {self.deliveries}")
            told = [receive(NAME, self.adapter, self.ledger, sent).status for _ in range(times)]
            assert told == [Reception.TAKEN] + [Reception.DUPLICATE] * (times - 1)

    # The end ----------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self.drain()
            self.compare()
            self.count_events()
            found = verify(self.ledger.engine)
            assert found.ok, found.problems
        finally:
            self.stack.close()

    def drain(self) -> None:
        """Poll until nothing changes, as time would."""
        quiet = 0
        for _ in range(DRAINED):
            self.ledger.store.retry(NAME)
            done = poll(NAME, self.adapter, self.ledger, PACE)
            waiting = self.ledger.queries.pending_counts(NAME)
            quiet = 0 if done.changes or waiting else quiet + 1
            if quiet > WALK:
                return
        raise AssertionError(f"still not at rest: {self.ledger.queries.quarantine()}")

    def compare(self) -> None:
        """Everything that the vendor has is in the ledger as it is, and nothing else that never was."""
        seen = {one.key: one for one in self.ledger.queries.objects(Kind.BUILD_INSTANCE, limit=10_000)}
        real = {
            attempt_key(ref): (run, attempt)
            for run in self.world.runs
            for attempt in run.attempts
            if (ref := self.ref(run, attempt)) is not None
        }
        assert set(seen) <= set(real)
        for key, (run, attempt) in real.items():
            if not run.deleted:
                assert key in seen, f"{key} is lost"
                status = seen[key].status
                assert (status.state, status.result) == (attempt.state, attempt.result), key
            elif key in seen:
                status = seen[key].status
                assert status.state is State.FINISHED, f"{key} is gone, and not closed"
                assert status.result in (attempt.result, Result.UNKNOWN)

    def count_events(self) -> None:
        """Each object was created once, and first; ended once; and no event tells nothing."""
        last: dict[str, Any] = {}
        ends: Counter[str] = Counter()
        after = 0
        while page := self.ledger.queries.events(after, 10_000):
            assert [one.sequence for one in page] == list(range(after + 1, after + len(page) + 1))
            after = page[-1].sequence
            for event in page:
                kind, _, change = event.name.rpartition(".")
                if kind not in set(Kind) - {Kind.LEDGER_ENTRY}:
                    continue
                assert (change == "create") == (event.subject not in last), event
                assert last.get(event.subject) != event.data, f"told twice: {event}"
                before = last.get(event.subject, {})
                last[event.subject] = event.data
                ends[event.subject] += finished(event.data) and not finished(before)
        for subject, data in last.items():
            assert ends[subject] == finished(data), data


def finished(data: dict[str, Any]) -> bool:
    return (data.get("status") or {}).get("state") == State.FINISHED


def tell_histories(machine: type[Histories], place: Path, **more: Any) -> None:
    """Run a vendor's machine on ledgers of SQLite below `place`; `more` are settings of Hypothesis."""

    def folder() -> Path:
        return Path(tempfile.mkdtemp(dir=place))

    def url() -> str:
        return f"sqlite:///{folder()}/ledger.db"

    here = type(machine.__name__, (machine,), {"folder": staticmethod(folder), "url": staticmethod(url)})
    chosen = settings(
        max_examples=10, stateful_step_count=20, suppress_health_check=list(HealthCheck), **more
    )
    run_state_machine_as_test(here, settings=chosen)


# A vendor without a network ------------------------------------------------------------------------------


class Mirror(Adapter):
    """Tells of a world in memory: whole builds, references and unread ones, two to a page.

    Re-runs are only in its history, as some vendors have it; one that has none (`walks`) tells them like builds.
    """

    name = "mirror"
    world: World
    death: Death
    walks = True
    failing = 0

    def _ask(self) -> None:
        self.death()
        if self.failing:
            self.failing -= 1
            raise Unreachable("no answer")

    def poll(self, cursor: dict[str, Any]) -> PollPage:
        """Attempts that came after those before, in the order they came."""
        self._ask()
        seen = int(cursor.get("seen", 0))
        every = [(run, attempt) for run in self.world.known() for attempt in run.attempts]
        new = sorted(
            ((_order(one), run, one) for run, one in every if _order(one) > seen and self._tells(one)),
            key=lambda told: told[0],
        )
        page = self._page([(run, attempt) for _, run, attempt in new[:2]])
        return page.model_copy(
            update={"cursor": {"seen": new[:2][-1][0] if new else seen}, "more": len(new) > 2}
        )

    def _tells(self, attempt: Attempt) -> bool:
        return attempt.number == 1 or not self.walks

    def history(self, cursor: dict[str, Any], since: Any) -> PollPage:
        """All attempts of all builds."""
        if not self.walks:
            return super().history(cursor, since)
        self._ask()
        place = int(cursor.get("place", 0))
        runs = [run for run in self.world.runs if run.id > place]
        there = [run for run in runs[:2] if not run.deleted and run.created_at >= since]
        seen = tuple(_ref(run, attempt) for run in there for attempt in run.attempts)
        return PollPage(seen=seen, cursor={"place": runs[:2][-1].id if runs else place}, more=len(runs) > 2)

    def _page(self, told: list[tuple[Run, Attempt]]) -> PollPage:
        builds, seen, unread = [], [], []
        for run, attempt in told:
            kind = _order(attempt) % 3
            if kind == 0:
                builds.append(_snapshot(run, attempt))
            elif kind == 1:
                seen.append(_ref(run, attempt))
            else:
                unread.append(Unread(ref=_ref(run, attempt), reason="its answer was cut short"))
        return PollPage(builds=tuple(builds), seen=tuple(seen), unread=tuple(unread))

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """An attempt as it is."""
        self._ask()
        return _snapshot(*self._find(ref))

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """A few bytes of a job's log."""
        self._ask()
        _, attempt = self._find(ref)
        text = "".join(step.text for job in attempt.jobs if job.name == log for step in job.steps)
        piece = text[offset : offset + 5]
        return LogChunk(text=piece, offset=offset + len(piece), complete=offset + len(piece) == len(text))

    def receive(self, webhook: Webhook) -> Hints:
        """What the webhook says."""
        said = json.loads(webhook.body)
        refs = tuple(BuildRef.model_validate(one) for one in said["refs"])
        return Hints(delivery=webhook.headers["delivery"], event="changed", builds=refs)

    def _find(self, ref: BuildRef) -> tuple[Run, Attempt]:
        for run in self.world.known():
            if (run.pipeline, str(run.id)) == (ref.pipeline, ref.build) and ref.attempt <= len(run.attempts):
                return run, run.attempts[ref.attempt - 1]
        raise NotFound(f"no build {ref.build}")


class Mirrored(Histories):
    """The machine without a vendor: the hub alone. The walk may find what a poll lost."""

    walks: ClassVar[bool] = True

    def connect(self, world: World) -> Adapter:
        """An adapter in memory."""
        folder, registry = type(self).folder(), Registry()
        place = Connection(NAME, folder, folder, registry.dialect, registry.tables("local"))
        kind = type("Here", (Mirror,), {"world": world, "death": self.death, "walks": self.walks})
        return Guarded(kind, place, AdapterSettings())

    def ref(self, run: Run, attempt: Attempt) -> BuildRef:
        """By the world's own ids."""
        return _ref(run, attempt)

    def fail(self, times: int) -> None:
        """The next requests get no answer."""
        self.adapter._inner.failing = times

    def webhook(self, run: Run, delivery: str) -> Webhook:
        """One that names the newest attempt."""
        refs = [_ref(run, run.latest).model_dump(mode="json")]
        return Webhook({"delivery": delivery}, json.dumps({"refs": refs}).encode())

    def drain(self) -> None:
        """The vendor is well again."""
        self.fail(0)
        super().drain()


class Unswept(Mirrored):
    """The same without a walk: what a poll loses is lost."""

    walks = False


def _order(attempt: Attempt) -> int:
    """A number that grows with every attempt of the world."""
    return attempt.jobs[0].id


def _ref(run: Run, attempt: Attempt) -> BuildRef:
    return BuildRef(pipeline=run.pipeline, build=str(run.id), attempt=attempt.number)


def _snapshot(run: Run, attempt: Attempt) -> BuildInstance:
    return BuildInstance(
        build=Build(pipeline=run.pipeline, external_id=str(run.id), number=run.number, commit=run.commit),
        attempt=attempt.number,
        external_id=f"{run.id}.{attempt.number}",
        status=_status(attempt),
        queued_at=attempt.queued_at,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        stages=tuple(_stages(attempt)),
        logs=tuple(
            BuildLog(name=job.name, stage=str(job.id), complete=job.state is State.FINISHED)
            for job in attempt.jobs
        ),
    )


def _stages(attempt: Attempt) -> Iterator[StageInstance]:
    for job in attempt.jobs:
        steps = tuple(
            StepInstance(external_id=step.name, name=step.name, status=_status(step)) for step in job.steps
        )
        yield StageInstance(
            external_id=str(job.id),
            name=job.name,
            status=_status(job),
            started_at=job.started_at,
            finished_at=job.finished_at,
            steps=steps,
        )


def _status(one: Any) -> Status:
    return Status(state=one.state, result=one.result, raw=one.result or one.state)
