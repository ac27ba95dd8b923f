"""Builds as the model sees them: what the files of a build say, as one snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pipemgr.adapter import Statuses
from pipemgr.model import runs as model
from pipemgr.model.identity import digest
from pipemgr.model.runs import BuildInstance, BuildLog, StageInstance, StepInstance
from pipemgr.model.status import Status

from .kept import artifacts
from .output import EXITED, OWN_LOG, STARTED, Event
from .store import Build, Finish
from .workflow import Job, Step

VENDOR: Final = "local"
_STOPPED: Final = ("cancelled", "timed_out")
_ENDED: Final = "interrupted"


class Happened:
    """Everything that happened to one job or one step."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)
        self.first = self.events[0]

    @property
    def last(self) -> Event | None:
        """The event that ended it, if it has ended."""
        return next((one for one in reversed(self.events) if one.word not in (STARTED, EXITED)), None)

    @property
    def exit_code(self) -> int | None:
        """What the script left with, as far as act says."""
        found = next((one.exit_code for one in self.events if one.word == EXITED), None)
        return 0 if found is None and self.last and self.last.word == "success" else found


class Snapshot:
    """Makes a `BuildInstance` out of a build's files as they are now."""

    def __init__(self, build: Build, statuses: Statuses) -> None:
        self.build = build
        # In this order: what is written after the end was read belongs to a later snapshot.
        self.finish: Finish | None = build.finish
        self.request = build.request
        self._text = build.events.read_bytes() if build.events.exists() else b""
        complete, _, _ = self._text.rpartition(b"\n")
        self.events = [Event.model_validate_json(line) for line in complete.splitlines()]
        self.statuses = statuses

    def instance(self) -> BuildInstance:
        """The whole build."""
        request, finish = self.request, self.finish
        stages = tuple(self._stages())
        word = finish.word if finish else "running" if self.events else "queued"
        if word == "success" and stages and all(stage.status.raw == "skipped" for stage in stages):
            word = "skipped"
        return BuildInstance(
            build=self._build(),
            external_id=str(request.number),
            status=self._status("run", word, (finish.reason if finish else "") or _blame(stages)),
            queued_at=request.requested_at,
            started_at=self.events[0].at if self.events else None,
            finished_at=finish.finished_at if finish else None,
            stages=stages,
            logs=tuple(self._logs()),
            artifacts=tuple(artifacts(self.build, stages)) if finish else (),
            source_digest=digest(self._text + (finish.model_dump_json().encode() if finish else b"")),
        )

    def _build(self) -> model.Build:
        request = self.request
        return model.Build(
            pipeline=request.pipeline,
            external_id=str(request.number),
            number=request.number,
            name=f"#{request.number}",
            commit=request.commit,
            branch=request.branch,
            trigger=f"rerun of #{request.again}" if request.again else "manual",
            actor=request.actor or None,
            parameters=dict(request.arguments),
        )

    def _status(self, kind: str, word: str, reason: str = "") -> Status:
        return self.statuses.status(kind, word, reason=reason)

    # Stages and steps ------------------------------------------------------------------------------------

    @cached_property
    def jobs(self) -> dict[str, list[Event]]:
        """The events of each job, by the name that act gives it."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.job, []).append(event)
        return found

    def _stages(self) -> Iterator[StageInstance]:
        """One for each job in the order of the definition, and one for each cell of a matrix."""
        known = [job.id for job in self.request.workflow.jobs]
        for job in self.request.workflow.jobs:
            seen = [events for events in self.jobs.values() if events[0].job_id == job.id]
            yield from (self._stage(events, job) for events in seen)
            if not seen and (self.finish or not job.matrix):
                yield self._unseen(job)
        for events in self.jobs.values():
            if events[0].job_id not in known:
                yield self._stage(events, Job(id=events[0].job, name=events[0].job))

    def _stage(self, events: list[Event], job: Job) -> StageInstance:
        happened = Happened(event for event in events if event.step is None)
        steps = tuple(self._steps(events, job, over=happened.last is not None or self.finish is not None))
        word = self._word(happened)
        return StageInstance(
            external_id=stage_id(events[0], job),
            name=stage_id(events[0], job) if job.matrix or "${{" in job.name else job.name,
            stage=job.id,
            matrix=happened.first.matrix,
            status=self._status("job", word, _blame(steps) if word != "success" else ""),
            queued_at=self.request.requested_at,
            started_at=happened.first.at,
            finished_at=self._end(happened),
            runner=VENDOR,
            steps=steps,
        )

    def _unseen(self, job: Job) -> StageInstance:
        """A job that act has not begun; when the build is over, it was skipped."""
        return StageInstance(
            external_id=job.id,
            name=job.name,
            stage=job.id,
            status=self._status("job", "skipped" if self.finish else "queued"),
            queued_at=self.request.requested_at,
        )

    def _steps(self, events: list[Event], job: Job, *, over: bool) -> Iterator[StepInstance]:
        found: dict[str, list[Event]] = {}
        for event in events:
            if event.step is not None:
                found.setdefault(event.step, []).append(event)
        defined = {step.key: step for step in job.steps}
        last = max((at for at, key in enumerate(defined) if key in found), default=-1)
        for at, (key, step) in enumerate(defined.items()):
            if key in found:
                yield self._step(step, found[key])
            elif over or at < last:
                yield StepInstance(
                    external_id=key, name=step.name, step=key, status=self._status("step", "skipped")
                )
            else:
                yield StepInstance(
                    external_id=key, name=step.name, step=key, status=self._status("step", "queued")
                )
        yield from (
            self._step(Step(key=key, name=those[0].name), those)
            for key, those in found.items()
            if key not in defined
        )

    def _step(self, step: Step, events: list[Event]) -> StepInstance:
        happened = Happened(events)
        code = happened.exit_code
        return StepInstance(
            external_id=step.key,
            name=(happened.first.name or step.name).strip().partition("\n")[0],
            step=step.key,
            status=self._status("step", self._word(happened), f"exit code {code}" if code else ""),
            started_at=happened.first.at,
            finished_at=self._end(happened),
            exit_code=code,
        )

    def _word(self, happened: Happened) -> str:
        if happened.last:
            return happened.last.word
        if self.finish is None:
            return "running"
        return self.finish.word if self.finish.word in _STOPPED else _ENDED

    def _end(self, happened: Happened) -> Any:
        return happened.last.at if happened.last else self.finish.finished_at if self.finish else None

    # Logs ------------------------------------------------------------------------------------------------

    def _logs(self) -> Iterator[BuildLog]:
        own = self.build.logs / f"{OWN_LOG}.log"
        if own.exists() and (size := own.stat().st_size):
            yield BuildLog(name=OWN_LOG, offset=size, complete=self.finish is not None)
        for name, stage, event, complete in self._step_logs():
            size = (self.build.logs / (event.log or "")).stat().st_size
            yield BuildLog(name=name, stage=stage, step=event.step, offset=size, complete=complete)

    def _step_logs(self) -> Iterator[tuple[str, str, Event, bool]]:
        """Each step's log: its name, its stage, the event with its file, and whether it is complete."""
        jobs = {job.id: job for job in self.request.workflow.jobs}
        ended = {(one.job, one.step) for one in self.events if one.word not in (STARTED, EXITED)}
        for event in self.events:
            if event.log:
                job = jobs.get(event.job_id, Job(id=event.job, name=event.job))
                stage = stage_id(event, job)
                done = self.finish is not None or (event.job, event.step) in ended
                yield f"{stage}/{event.step}", stage, event, done

    def log(self, name: str) -> tuple[Path, bool] | None:
        """The file of a log and whether it is complete; None when there is no log of that name."""
        if name == OWN_LOG:
            return self.build.logs / f"{OWN_LOG}.log", self.finish is not None
        found = ((event.log, done) for known, _, event, done in self._step_logs() if known == name)
        return next(((self.build.logs / str(file), done) for file, done in found), None)


def stage_id(event: Event, job: Job) -> str:
    """What names a stage instance within its build: the job's id, with the values of its matrix cell."""
    values = ", ".join(
        value if isinstance(value, str) else json.dumps(value) for value in event.matrix.values()
    )
    return f"{job.id} ({values})" if event.matrix else job.id


def _blame(parts: tuple[StageInstance, ...] | tuple[StepInstance, ...]) -> str:
    """Whose fault it is: the first part that is neither good nor merely skipped, rather one with a reason.

    Act gives an exit code, which is the reason, only to steps that were not allowed to fail.
    """
    bad = [part for part in parts if part.status.finished and not part.status.good]
    for part in sorted(bad, key=lambda part: not part.status.reason):
        return f"{part.name}: {part.status.reason or part.status.raw}"
    return ""
