"""Depth: asks for what lies inside jobs, and never twice for what can't change any more."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from pipemgr.adapter import NotAllowed, NotFound, Retryable, Statuses, shown
from pipemgr.model.runs import TestCase
from pipemgr.model.status import Result

from .builds import APPROVAL, NOTHING, Job, begun, ordered
from .client import Client, part
from .steps import Data, Detail, classic, executor, modern, moment

MANY: Final = 500
"""How many jobs and pipelines are remembered; a job's steps are a few kilobytes."""
Kept = TypeVar("Kept")


class Memory(Generic[Kept]):
    """The last so many things that can't change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def get(self, key: str) -> Kept | None:
        """What was kept under a key."""
        return self._kept.get(key)

    def keep(self, key: str, value: Kept) -> Kept:
        """Keep something, and forget the oldest beyond the limit."""
        self._kept[key] = value
        if len(self._kept) > MANY:
            self._kept.popitem(last=False)
        return value


class Depth:
    """Reads pipelines, workflows and jobs by their ids; API v3 first, where it is used, for the inside of jobs."""

    def __init__(self, client: Client, statuses: Statuses, *, is_modern: bool) -> None:
        self.client = client
        self.statuses = statuses
        self.is_modern = is_modern
        self._details: Memory[Detail] = Memory()
        self._runners: Memory[Data] = Memory()
        self._pipelines: Memory[Data] = Memory()
        self._numbers: Memory[Data] = Memory()

    def pipeline(self, number: str) -> Data:
        """A pipeline by its id; raises `NotFound` when CircleCI no longer has it."""
        kept = self._pipelines.get(number)
        if kept is not None:
            return kept
        found = self.client.one(f"v2/pipeline/{part(number)}")
        if self.statuses.status("empty", found.get("state")).finished:
            self._pipelines.keep(number, found)
        return found

    def workflows(self, pipeline: str) -> list[Data]:
        """The workflows of a pipeline in the order of their attempts; none before any is made."""
        try:
            return ordered(self.client.all(f"v2/pipeline/{part(pipeline)}/workflow"))
        except NotFound:
            self.client.one(
                f"v2/pipeline/{part(pipeline)}"
            )  # asked anew: what is remembered may have expired
            return []

    def rows(self, workflow: str) -> list[Data]:
        """The jobs of a workflow."""
        return self.client.all(f"v2/workflow/{part(workflow)}/job")

    def numbered(self, slug: str, number: int) -> Job | None:
        """A job by its number, if it was looked at before."""
        row = self._numbers.get(f"{slug}/{number}")
        return None if row is None else Job(row)

    def job(self, slug: str, row: Data, *, over: bool) -> Job:
        """A job with its steps and, when its workflow is `over`, what it made."""
        job = Job(row)
        if not begun(row):
            return job
        self._numbers.keep(f"{slug}/{job.number}", row)
        detail = self.detail(slug, job)
        made = tuple(self._told(lambda: self.artifacts(slug, job))) if over else ()
        return Job(row, detail, made)

    def detail(self, slug: str, job: Job) -> Detail:
        """The inside of a job; empty when CircleCI no longer has it."""
        kept = self._details.get(job.id)
        if kept is not None:
            return kept
        detail = self._modern(slug, job) if self.is_modern else None
        detail = detail or self._classic(slug, job) or NOTHING
        done = self.statuses.status("job", job.row.get("status")).finished
        if done and all(step.status.finished for step in detail.steps):
            self._details.keep(job.id, detail)
        return detail

    def _modern(self, slug: str, job: Job) -> Detail | None:
        try:
            found = modern(self.client.one(f"v3/jobs/{part(job.id)}"), self.statuses)
        except NotFound:
            return None
        facts = self._runners.get(job.id)
        if facts is None:
            facts = self._runners.keep(job.id, self._facts(slug, job))
        runner, queued = executor(facts)
        return Detail(found.steps, found.printed, runner, queued, found.sources)

    def _facts(self, slug: str, job: Job) -> Data:
        try:
            return self.client.one(f"v2/project/{slug}/job/{job.number}")
        except (NotFound, NotAllowed):
            return {}

    def _classic(self, slug: str, job: Job) -> Detail | None:
        try:
            return classic(self.build(slug, job.number), self.statuses)
        except (NotFound, NotAllowed):
            return None

    def build(self, slug: str, number: int | None) -> Data:
        """A job as API v1.1 tells it."""
        return self.client.one(f"v1.1/project/{slug}/{number}")

    def artifacts(self, slug: str, job: Job) -> list[Data]:
        """The artifacts of a job."""
        return self.client.all(f"v2/project/{slug}/{job.number}/artifacts")

    def tests(self, slug: str, job: Job) -> Iterator[TestCase]:
        """The test cases that a job reported."""
        for row in self._told(lambda: self._tests(slug, job)):
            yield case(row, self.statuses)

    def _tests(self, slug: str, job: Job) -> list[Data]:
        if self.is_modern:
            path = f"v3/jobs/{part(job.id)}/tests"
            try:
                return [self._line(line, path) for line in self.client.lines(path) if line.strip()]
            except NotFound:
                pass
        return self.client.all(f"v2/project/{slug}/{job.number}/tests")

    def _line(self, line: bytes, path: str) -> Data:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            message = f"{shown(f'{self.client.url}/api/{path}')}: a line is no test case"
            raise Retryable(message, where=self.client.where)
        return found

    @staticmethod
    def _told(read: Callable[[], list[Data]]) -> list[Data]:
        """What is read, or nothing when CircleCI no longer has it."""
        try:
            return read()
        except NotFound:
            return []


def case(row: Data, statuses: Statuses) -> TestCase:
    """A test case as API v1.1, v2 and v3 tell it alike."""
    ended = moment("2000-01-01T00:00:00Z")  # a case that is told of is over, whatever its word
    status = statuses.status("test", row.get("result"), finished=ended)
    seconds = row.get("run_time")
    return TestCase(
        name=str(row.get("name") or "unnamed"),
        suite=str(row.get("classname") or ""),
        result=status.result or Result.UNKNOWN,
        seconds=seconds if isinstance(seconds, int | float) and seconds >= 0 else None,
        message=str(row.get("message") or ""),
    )


def waiting(rows: list[Data], stage: str, statuses: Statuses) -> Data | None:
    """The approval named `stage`, by the id or the name of its job, that still waits."""
    for row in rows:
        open_still = not statuses.status("job", row.get("status")).finished
        if stage in (row.get("id"), row.get("name")) and row.get("type") == APPROVAL and open_still:
            return row
    return None
