"""Runs: what adapters see of builds, as nested snapshots with the vendor's own ids.

A snapshot is the whole of one attempt at one moment. Times are aware and in UTC. External ids are the vendor's
and need to be unique only within their parent; pipemgr's own ids are given when a snapshot is recorded.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue

from .base import Value
from .status import Result, Status


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A point in time, in UTC."""


class BuildRef(Value):
    """How a vendor names one attempt of one build."""

    pipeline: str
    build: str
    attempt: int = Field(default=1, ge=1)


class Build(Value):
    """A build of a pipeline at one revision; its attempts are build instances."""

    pipeline: str
    """The vendor's name of the pipeline."""
    external_id: str
    number: int | None = None
    name: str = ""
    tag: str | None = None
    commit: str | None = None
    branch: str | None = None
    trigger: str | None = None
    """A name from the catalogue of triggers, or the vendor's word."""
    actor: str | None = None
    url: str | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class StepInstance(Value):
    """One execution of a step."""

    external_id: str
    name: str
    step: str | None = None
    """The id, or else the position, of the step in its definition."""
    status: Status
    started_at: Moment | None = None
    finished_at: Moment | None = None
    exit_code: int | None = None


class Confidence(StrEnum):
    """How far what was observed can be relied on."""

    CERTAIN = "certain"
    """The system that did it says so, about exactly this."""
    LIKELY = "likely"
    """Somebody else says so, or the one who did it about something near it."""
    HINT = "hint"
    """It can be read so, and otherwise."""


class Evidence(Value):
    """Where an observation comes from, when the vendor has no answer of its own."""

    source: str
    """What was read: a commit status, a note, a file, a resource; by its name."""
    confidence: Confidence


class StageInstance(Value):
    """One execution of a stage; a matrix cell is an instance of its own."""

    external_id: str
    name: str
    stage: str | None = None
    """The id of the stage in the definition."""
    matrix: dict[str, JsonValue] = Field(default_factory=dict)
    status: Status
    queued_at: Moment | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    runner: str | None = None
    evidence: Evidence | None = None
    """Where this is known from; None: the vendor's own answer."""
    steps: tuple[StepInstance, ...] = ()


class BuildLog(Value):
    """A log of an instance, or of one of its stages or steps: as text when small, else as a file by digest."""

    name: str
    """Unique within the attempt: it is what an adapter is asked for."""
    stage: str | None = None
    """The external id of the stage instance that wrote it."""
    step: str | None = None
    """The external id of the step instance within that stage."""
    text: str | None = None
    uri: str | None = None
    offset: int = Field(default=0, ge=0)
    """How many bytes are known; where to go on reading."""
    complete: bool = False
    digest: str | None = None


class Artifact(Value):
    """Anything a build made or used: a library, a binary, an image, a document."""

    name: str
    digest: str | None = None
    size: int | None = Field(default=None, ge=0)
    media_type: str | None = None
    uri: str | None = None
    expires_at: Moment | None = None
    stage: str | None = None
    """The external id of the stage instance that made it."""
    step: str | None = None
    consumed: bool = False
    """Whether it went into the build instead of coming out of it."""


class Deliverable(Value):
    """A result meant for users; `image` names the artifact that is handed out."""

    name: str
    version: str | None = None
    image: str | None = None


class TestCounts(Value):
    """How many test cases ended how."""

    __test__: ClassVar[bool] = False  # for pytest, to which the name looks like a test of its own

    passed: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    errors: int = Field(default=0, ge=0)
    skipped: int = Field(default=0, ge=0)


class TestCase(Value):
    """One test case of a report."""

    __test__: ClassVar[bool] = False

    name: str
    suite: str = ""
    result: Result
    """`success`, `failure`, `error` or `skipped`."""
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    message: str = ""
    """Why it failed or was skipped."""


class TestReport(Value):
    """What the tests of a build reported, as JUnit would."""

    __test__: ClassVar[bool] = False

    cases: tuple[TestCase, ...] = ()

    @property
    def counts(self) -> TestCounts:
        """How many ended how; whatever is neither good nor skipped nor an error counts as failed."""
        ended = [case.result for case in self.cases]
        passed, errors, skipped = (ended.count(one) for one in (Result.SUCCESS, Result.ERROR, Result.SKIPPED))
        failed = len(ended) - passed - errors - skipped
        return TestCounts(passed=passed, failed=failed, errors=errors, skipped=skipped)


class BuildInstance(Value):
    """One attempt of a build, whole: the one value that polling hands on."""

    build: Build
    attempt: int = Field(default=1, ge=1)
    external_id: str
    status: Status
    queued_at: Moment | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    url: str | None = None
    stages: tuple[StageInstance, ...] = ()
    logs: tuple[BuildLog, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    deliverables: tuple[Deliverable, ...] = ()
    tests: TestCounts | None = None
    """How its tests ended, if it told; the cases are an artifact."""
    source_digest: str | None = None
    """The digest of the vendor's answer that this snapshot was made from."""

    @property
    def ref(self) -> BuildRef:
        """How to ask the vendor for this attempt again."""
        return BuildRef(pipeline=self.build.pipeline, build=self.build.external_id, attempt=self.attempt)
