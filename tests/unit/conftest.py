"""A vendor in memory: what happens in a `World`, told by an adapter that does as the test says."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pipemgr.adapter.base import Adapter, Gap, Hints, LogChunk, PollPage, ServerInfo, Unread, Webhook
from pipemgr.adapter.capabilities import Capability
from pipemgr.adapter.manifest import Manifest
from pipemgr.adapter.registry import Registry
from pipemgr.config import find
from pipemgr.errors import AuthenticationFailed, NotFound
from pipemgr.mapping.tables import Tables
from pipemgr.model.runs import (
    Artifact,
    Build,
    BuildInstance,
    BuildLog,
    BuildRef,
    StageInstance,
    StepInstance,
    TestReport,
)
from pipemgr.model.status import Result, State, Status
from pipemgr.model.support import Answer, Support
from pipemgr.service import runtime as runtimes
from pipemgr.service.runtime import Runtime
from pipemgr.service.workspace import create
from pipemgr.testing.fakes.world import Attempt, Job, Run, Step, World
from pipemgr.translate.features import FEATURES

CONFIG = '[connections.toy]\nadapter = "toy"\n'
CHUNK = 40
"""Bytes of a log that are told at once."""


class Toy:
    """The vendor: a world, what its adapter lacks, what goes wrong, and what happens while somebody looks."""

    def __init__(self) -> None:
        self.world = World(jobs=("build", "test"), steps=("compile", "check"))
        self.lacking: dict[Capability, str] = {}
        self.happens: list[Callable[[], object]] = []
        """One of these happens before each look at a build."""
        self.errors: dict[str, list[BaseException]] = {}
        """By verb: raised once each, in this order."""
        self.reports: dict[str, TestReport] = {}
        self.digests = True
        self.reasons: dict[int, str] = {}
        self.gaps: tuple[Gap, ...] = ()
        self.asked: list[tuple[Any, ...]] = []

    def call(self, verb: str, *words: Any) -> None:
        """Note that the adapter was asked, and fail if the test says so."""
        self.asked.append((verb, *words))
        if self.errors.get(verb):
            raise self.errors[verb].pop(0)

    def run(self, ref: BuildRef) -> Run:
        """The build of a reference."""
        for run in self.world.known():
            if (run.pipeline, str(run.id)) == (ref.pipeline, ref.build):
                return run
        raise NotFound(f"no build {ref.build}", where="toy")

    def step(self, run: Run, *, job: int = 0, step: int = 0) -> Step:
        """A step of the newest attempt, running from now on; those before it have ended well."""
        attempt = run.latest
        if attempt.state is State.QUEUED:
            self.world.begin(run)
        for place, one in enumerate(attempt.jobs[: job + 1]):
            one.state = State.FINISHED if place < job else State.RUNNING
            one.result = Result.SUCCESS if place < job else None
            for number, inner in enumerate(one.steps):
                over = place < job or number < step
                inner.state = State.FINISHED if over else State.RUNNING if number == step else State.QUEUED
                inner.result = Result.SUCCESS if over else None
        return attempt.jobs[job].steps[step]


class ToyAdapter(Adapter):
    """Tells of the `Toy` that stands in its class."""

    name = "toy"
    toy: ClassVar[Toy]

    def probe(self) -> ServerInfo:
        self.toy.call("probe")
        return ServerInfo(name="Toy", version="1")

    def pipelines(self) -> tuple[str, ...]:
        return tuple({run.pipeline for run in self.toy.world.known()})

    def poll(self, cursor: dict[str, Any]) -> PollPage:
        self.toy.call("poll")
        gaps, self.toy.gaps = self.toy.gaps, ()
        seen, builds, unread = cursor.get("seen", 0), [], []
        runs = self.toy.world.known()
        for run in runs[seen:]:
            for attempt in run.attempts:
                ref = _ref(run, attempt)
                if run.id in self.toy.reasons:
                    unread.append(Unread(ref=ref, reason=self.toy.reasons[run.id]))
                else:
                    builds.append(self._told(run, attempt))
        return PollPage(builds=tuple(builds), unread=tuple(unread), gaps=gaps, cursor={"seen": len(runs)})

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        self.toy.call("snapshot", ref)
        if self.toy.happens:
            self.toy.happens.pop(0)()
        run = self.toy.run(ref)
        if run.id in self.toy.reasons:
            raise NotFound(self.toy.reasons[run.id], where="toy")
        return self._told(run, run.attempts[ref.attempt - 1])

    def start(self, ref: str, parameters: Mapping[str, Any]) -> BuildRef:
        self.toy.call("start", ref, dict(parameters))
        run = self.toy.world.start(ref, parameters={name: str(one) for name, one in parameters.items()})
        return _ref(run, run.latest)

    def cancel(self, ref: BuildRef) -> None:
        self.toy.call("cancel", ref)
        self.toy.world.finish(self.toy.run(ref), Result.CANCELED)

    def rerun(self, ref: BuildRef, *, failed_only: bool = False) -> BuildRef:
        self.toy.call("rerun", ref, failed_only)
        run = self.toy.run(ref)
        return _ref(run, self.toy.world.rerun(run))

    def approve(self, ref: BuildRef, stage: str, *, accept: bool = True, comment: str = "") -> None:
        self.toy.call("approve", ref, stage, accept, comment)
        self.toy.world.finish(self.toy.run(ref), Result.SUCCESS if accept else Result.FAILURE)

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        self.toy.call("logs", ref, log, offset)
        run = self.toy.run(ref)
        job, step = map(int, log.split("/"))
        told = next(one for one in run.attempts[ref.attempt - 1].jobs if one.id == job).steps[step]
        data = told.text.encode()
        piece = data[offset : offset + CHUNK]
        end = offset + len(piece)
        over = told.state is State.FINISHED and end == len(data)
        return LogChunk(text=piece.decode(), offset=end, complete=over)

    def artifacts(self, ref: BuildRef) -> tuple[Artifact, ...]:
        self.toy.call("artifacts", ref)
        return _artifacts(self.toy.run(ref))

    def download(self, ref: BuildRef, artifact: str) -> Iterator[bytes]:
        self.toy.call("download", ref, artifact)
        content = self.toy.run(ref).artifacts[artifact]
        for start in range(0, len(content), CHUNK):
            self.toy.call("piece", artifact, start)
            yield content[start : start + CHUNK]

    def tests(self, ref: BuildRef) -> TestReport | None:
        self.toy.call("tests", ref)
        return self.toy.reports.get(ref.build)

    def receive(self, webhook: Webhook) -> Hints:
        self.toy.call("receive", dict(webhook.headers), webhook.body)
        if webhook.headers.get("x-signature") != "good":
            raise AuthenticationFailed("its signature is wrong", where="toy")
        return Hints(delivery=webhook.headers["x-delivery"], event="build")

    def _told(self, run: Run, attempt: Attempt) -> BuildInstance:
        over = attempt.state is State.FINISHED
        jobs = [(job, place) for job in attempt.jobs for place in range(len(job.steps))]
        return BuildInstance(
            build=Build(
                pipeline=run.pipeline,
                external_id=str(run.id),
                number=run.number,
                commit=run.commit,
                branch=run.branch,
                actor=run.actor,
                trigger=run.trigger,
                parameters=dict(run.parameters),
                url=f"https://toy.example/{run.id}",
            ),
            attempt=attempt.number,
            external_id=f"{run.id}.{attempt.number}",
            status=Status(state=attempt.state, result=attempt.result),
            queued_at=attempt.queued_at,
            started_at=attempt.started_at,
            finished_at=attempt.finished_at,
            url=f"https://toy.example/{run.id}/{attempt.number}",
            stages=tuple(map(_stage, attempt.jobs)),
            logs=tuple(_log(job, place) for job, place in jobs if job.steps[place].state is not State.QUEUED),
            artifacts=_artifacts(run) if over else (),
        )


def _ref(run: Run, attempt: Attempt) -> BuildRef:
    return BuildRef(pipeline=run.pipeline, build=str(run.id), attempt=attempt.number)


def _stage(job: Job) -> StageInstance:
    reason = "review needed" if job.state is State.WAITING else ""
    return StageInstance(
        external_id=str(job.id),
        name=job.name,
        status=Status(state=job.state, result=job.result, reason=reason),
        started_at=job.started_at,
        finished_at=job.finished_at,
        steps=tuple(_step(step, place) for place, step in enumerate(job.steps)),
    )


def _step(step: Step, place: int) -> StepInstance:
    status = Status(state=step.state, result=step.result)
    return StepInstance(external_id=str(place), name=step.name, status=status, exit_code=step.exit_code)


def _log(job: Job, place: int) -> BuildLog:
    over = job.steps[place].state is State.FINISHED
    return BuildLog(name=f"{job.id}/{place}", stage=str(job.id), step=str(place), complete=over)


def _artifacts(run: Run) -> tuple[Artifact, ...]:
    return tuple(Artifact(name=name) for name in run.artifacts)


class ToyRegistry(Registry):
    """The installed adapters, and the toy."""

    def manifest(self, name: str) -> Manifest:
        if name != ToyAdapter.name:
            return super().manifest(name)
        full = Answer(support=Support.FULL)
        lacking = {
            one: Answer(support=Support.UNSUPPORTED, note=note)
            for one, note in ToyAdapter.toy.lacking.items()
        }
        return Manifest(
            name=name,
            title="Toy",
            api_version=1,
            documents=(),
            capabilities={**dict.fromkeys(Capability, full), **lacking},
            features=dict.fromkeys(FEATURES, full),
        )

    def load(self, name: str) -> type[Adapter]:
        return ToyAdapter if name == ToyAdapter.name else super().load(name)

    def tables(self, name: str) -> Tables:
        return Tables.of(name) if name == ToyAdapter.name else super().tables(name)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A vendor of this test's own, as the adapter `toy`."""
    monkeypatch.setattr(runtimes, "registry", lambda overlay=None: ToyRegistry(overlay=overlay))
    monkeypatch.setattr(ToyAdapter, "toy", Toy(), raising=False)
    return ToyAdapter.toy


@pytest.fixture
def toybox(toy: Toy, tmp_path: Path) -> Path:
    """A workspace with one connection, to the toy."""
    root = tmp_path / "toybox"
    create(root)
    (root / "pipemgr.toml").write_text(CONFIG, encoding="utf-8")
    return root


@pytest.fixture
def toys(toybox: Path) -> Iterator[Runtime]:
    """The runtime of that workspace."""
    with contextlib.closing(Runtime(find(toybox))) as runtime:
        yield runtime
