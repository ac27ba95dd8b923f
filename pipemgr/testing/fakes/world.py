"""The world: a history of builds that a fake vendor serves and a test makes happen, in no vendor's words."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pipemgr.model.status import Result, State

BEGINNING = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


@dataclass
class Step:
    """One step of a job, and what it printed."""

    name: str
    state: State = State.QUEUED
    result: Result | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    text: str = ""


@dataclass
class Job:
    """One stage of an attempt."""

    id: int
    name: str
    steps: list[Step]
    state: State = State.QUEUED
    result: Result | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass
class Attempt:
    """One execution of a run."""

    number: int
    jobs: list[Job]
    queued_at: datetime
    state: State = State.QUEUED
    result: Result | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass
class Run:
    """One build with all its attempts. `id` is unique in the world, `number` in its pipeline."""

    pipeline: str
    id: int
    number: int
    commit: str
    branch: str = "main"
    actor: str = "ada"
    trigger: str = "push"
    parameters: dict[str, str] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    updated_at: datetime = BEGINNING
    deleted: bool = False

    @property
    def latest(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    @property
    def created_at(self) -> datetime:
        """When it first came to be."""
        return self.attempts[0].queued_at


class World:
    """What really happened. A test calls its methods, in any order that can be; `lock` guards every look at it."""

    def __init__(
        self, *, jobs: tuple[str, ...] = ("build", "test"), steps: tuple[str, ...] = ("run",)
    ) -> None:
        self.lock = threading.RLock()
        self.now = BEGINNING
        self.runs: list[Run] = []
        self._jobs, self._steps = jobs, steps
        self._ids = 1000

    def tick(self, seconds: float = 1.0) -> None:
        """Let time pass."""
        with self.lock:
            self.now += timedelta(seconds=seconds)

    def start(
        self, pipeline: str, *, branch: str = "main", parameters: Mapping[str, str] | None = None
    ) -> Run:
        """A new build, queued."""
        with self.lock:
            number = 1 + max((run.number for run in self.runs if run.pipeline == pipeline), default=0)
            commit = hashlib.sha1(f"{pipeline}{number}".encode()).hexdigest()  # noqa: S324 - as git names commits
            run = Run(
                pipeline,
                self.fresh(),
                number,
                commit,
                branch,
                parameters=dict(parameters or {}),
                updated_at=self.now,
            )
            run.attempts.append(self._attempt(1))
            self.runs.append(run)
            return run

    def begin(self, run: Run) -> None:
        """The newest attempt starts, with its first job."""
        with self.lock:
            attempt = run.latest
            attempt.state, attempt.started_at = State.RUNNING, self.now
            self._begin(attempt.jobs[0])
            run.updated_at = self.now

    def print(self, run: Run, text: str) -> None:
        """The step that runs prints something."""
        with self.lock:
            for job in run.latest.jobs:
                for step in job.steps:
                    if step.state is State.RUNNING:
                        step.text += text

    def wait(self, run: Run) -> None:
        """The newest attempt is held back until somebody approves."""
        with self.lock:
            run.latest.state, run.updated_at = State.WAITING, self.now

    def finish(self, run: Run, result: Result = Result.SUCCESS) -> None:
        """The newest attempt ends so; what did not begin is skipped, the last job takes the blame."""
        with self.lock:
            attempt = run.latest
            attempt.state, attempt.result, attempt.finished_at = State.FINISHED, result, self.now
            attempt.started_at = attempt.started_at or self.now
            for place, job in enumerate(attempt.jobs):
                blamed = (
                    result if place == len(attempt.jobs) - 1 or job.state is State.RUNNING else Result.SUCCESS
                )
                self._end(job, Result.SUCCESS if result is Result.SUCCESS else blamed)
            run.updated_at = self.now

    def rerun(self, run: Run) -> Attempt:
        """One more attempt of a finished build, queued."""
        with self.lock:
            run.attempts.append(self._attempt(len(run.attempts) + 1))
            run.updated_at = self.now
            return run.latest

    def delete(self, run: Run) -> None:
        """The vendor forgets a build."""
        with self.lock:
            run.deleted = True

    def known(self) -> list[Run]:
        """The builds that the vendor still has."""
        with self.lock:
            return [run for run in self.runs if not run.deleted]

    def fresh(self) -> int:
        """A number that was not used yet."""
        with self.lock:
            self._ids += 1
            return self._ids

    def _attempt(self, number: int) -> Attempt:
        jobs = [Job(self.fresh(), name, [Step(step) for step in self._steps]) for name in self._jobs]
        return Attempt(number, jobs, queued_at=self.now)

    def _begin(self, job: Job) -> None:
        job.state, job.started_at = State.RUNNING, self.now
        job.steps[0].state, job.steps[0].started_at = State.RUNNING, self.now

    def _end(self, job: Job, result: Result) -> None:
        job.state, job.result, job.finished_at = State.FINISHED, result, self.now
        job.started_at = job.started_at or self.now
        for step in job.steps:
            step.state, step.result, step.finished_at = State.FINISHED, result, self.now
            step.started_at = step.started_at or self.now
            step.exit_code = 0 if result is Result.SUCCESS else 1
