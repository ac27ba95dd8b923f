"""Builds: what GitHub says of a run, its jobs and steps, as one snapshot. Pure: JSON in, values out.

The shapes are those of the API description (`workflow-run`, `job`, `artifact`, `pending-deployment`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipemgr.adapter import Statuses, Tables
from pipemgr.model.identity import fingerprint
from pipemgr.model.runs import Artifact, Build, BuildInstance, BuildLog, BuildRef, StageInstance, StepInstance
from pipemgr.model.status import Result, State, Status

Data = dict[str, Any]
_LATE: Final = timedelta(minutes=1)
"""How long after the end of an attempt something of it may still be stored."""
_NOT_TOLD: Final = ("repository", "head_repository", "updated_at", "pull_requests")
"""What changes in an answer without anything happening to the build."""


@dataclass
class Told:
    """All that GitHub said of one attempt."""

    run: Data
    jobs: Sequence[Data] = ()
    pending: Sequence[Data] = ()
    """Its `pending_deployments`."""
    files: Sequence[Data] = field(default_factory=tuple)
    """The artifacts of the run, of all attempts."""


def instance(ref: BuildRef, told: Told, tables: Tables) -> BuildInstance:
    """The attempt `ref` as GitHub told of it."""
    run, statuses = told.run, tables.statuses
    began = moment(run.get("run_started_at")) or moment(run.get("created_at"))
    approval = _approval(told.pending)
    stages = tuple(_stage(job, statuses, approval) for job in told.jobs)
    status = _run_status(run, statuses, approval, stages)
    return BuildInstance(
        build=_build(ref, run, tables),
        attempt=ref.attempt,
        external_id=f"{ref.build}/{ref.attempt}",
        status=status,
        queued_at=began,
        started_at=_started(stages, began, status),
        finished_at=_ended(run, stages) if status.finished else None,
        url=_url(run, ref),
        stages=stages,
        logs=tuple(_logs(told.jobs, stages)),
        artifacts=artifacts(run, told.files),
        source_digest=_digest(told),
    )


def moment(text: Any) -> datetime | None:
    """A time of GitHub's, if it is one: with `Z` or an offset, with or without fractions."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo and found.year > 1 else None
    except (TypeError, ValueError, OverflowError):
        return None


def artifacts(run: Data, files: Iterable[Data]) -> tuple[Artifact, ...]:
    """What an attempt stored. GitHub keeps artifacts by run: those of an attempt are known by their time."""
    return tuple(_artifact(one) for one in of_attempt(run, files))


def of_attempt(run: Data, files: Iterable[Data]) -> list[Data]:
    """The artifacts that were stored while an attempt was going on, the oldest first."""
    began, ended = moment(run.get("run_started_at")), moment(run.get("updated_at"))

    def ours(one: Data) -> bool:
        stored = moment(one.get("created_at"))
        if stored is None:
            return True
        over = ended is not None and run.get("conclusion") is not None and stored > ended + _LATE
        return not over and (began is None or stored >= began)

    return sorted(filter(ours, files), key=lambda one: int(one["id"]))


def _artifact(one: Data) -> Artifact:
    return Artifact(
        name=str(one["name"]),
        digest=one.get("digest") or None,
        size=one.get("size_in_bytes"),
        media_type="application/zip",
        uri=None if one.get("expired") else one.get("archive_download_url"),
        expires_at=moment(one.get("expires_at")),
    )


# The attempt -------------------------------------------------------------------------------------------------


def _build(ref: BuildRef, run: Data, tables: Tables) -> Build:
    event = run.get("event") or ""
    return Build(
        pipeline=ref.pipeline,
        external_id=ref.build,
        number=run.get("run_number"),
        name=run.get("display_title") or run.get("name") or "",
        commit=run.get("head_sha"),
        branch=run.get("head_branch"),
        trigger=tables.triggers.ours.get(event, event) or None,
        actor=(run.get("actor") or {}).get("login"),
        url=run.get("html_url"),
    )


def _run_status(run: Data, statuses: Statuses, approval: str, stages: Sequence[StageInstance]) -> Status:
    said = run.get("conclusion")
    status = statuses.status(
        "run",
        run.get("status"),
        said,
        started=_first(stages) or moment(run.get("run_started_at")) if stages else None,
        finished=moment(run.get("updated_at")) if said else None,
    )
    reason = _blame(stages) if status.finished else approval or _obstacle(stages)
    return status.model_copy(update={"reason": reason}) if reason and not status.good else status


def _url(run: Data, ref: BuildRef) -> str | None:
    """The page of the attempt; the address of the run alone shows the newest one."""
    page = run.get("html_url")
    return f"{page}/attempts/{ref.attempt}" if page else None


def _first(stages: Iterable[StageInstance]) -> datetime | None:
    return min((one.started_at for one in stages if one.started_at), default=None)


def _started(stages: Sequence[StageInstance], began: datetime | None, status: Status) -> datetime | None:
    """When its first job started. A re-run of what failed repeats the jobs that did not, with their old times."""
    fresh = [one for one in stages if one.status.result is not Result.SKIPPED]
    own = [one for one in fresh if one.started_at and (began is None or one.started_at >= began)]
    return _first(own) or (began if status.finished else None)


def _ended(run: Data, stages: Sequence[StageInstance]) -> datetime | None:
    """When its last job ended: GitHub has no such time of a run, and `updated_at` moves later too."""
    ends = [one.finished_at for one in stages if one.finished_at]
    began = moment(run.get("run_started_at"))
    last = max(ends, default=None)
    return last if last and (began is None or last >= began) else moment(run.get("updated_at"))


def _blame(stages: Iterable[StageInstance]) -> str:
    """The first stage that ended badly, with its step."""
    bad = next((one for one in stages if one.status.finished and not one.status.good), None)
    step = (
        next((one for one in bad.steps if one.status.finished and not one.status.good), None) if bad else None
    )
    return f"{bad.name}: {step.name}" if bad and step else bad.name if bad else ""


def _obstacle(stages: Iterable[StageInstance]) -> str:
    """Why nothing goes on, when nothing does."""
    stages = tuple(stages)
    if any(one.status.state is State.RUNNING for one in stages):
        return ""
    return next((one.status.reason for one in stages if not one.status.finished and one.status.reason), "")


def _approval(pending: Iterable[Data]) -> str:
    """What its environments wait for: people, or a timer in minutes."""
    return "; ".join(filter(None, (_rule(one) for one in pending)))


def _rule(one: Data) -> str:
    name = (one.get("environment") or {}).get("name") or "an environment"
    reviewers = [(each.get("reviewer") or {}) for each in one.get("reviewers") or ()]
    people = [each.get("login") or each.get("name") or each.get("slug") or "" for each in reviewers]
    timer = one.get("wait_timer") or 0
    waits = [f"approval by {' or '.join(filter(None, people))}"] if any(people) else []
    waits += [f"a timer of {timer} min"] if timer else []
    return f"{name} waits for {' and '.join(waits) or 'a protection rule'}"


def _digest(told: Told) -> str:
    run = {name: value for name, value in told.run.items() if name not in _NOT_TOLD}
    return fingerprint([run, *map(list, (told.jobs, told.pending, told.files))])


# Jobs and steps ----------------------------------------------------------------------------------------------


def _stage(job: Data, statuses: Statuses, approval: str) -> StageInstance:
    started, finished = moment(job.get("started_at")), moment(job.get("completed_at"))
    words = job.get("status"), job.get("conclusion")
    status = statuses.status("job", *words, started=started, finished=finished)
    return StageInstance(
        external_id=str(job["id"]),
        name=job.get("name") or str(job["id"]),
        status=_waiting(status, job, approval),
        queued_at=moment(job.get("created_at")),
        started_at=None if _untouched(status) else started,
        finished_at=finished,
        runner=job.get("runner_name") or None,
        steps=tuple(_step(step, statuses) for step in job.get("steps") or ()),
    )


def _untouched(status: Status) -> bool:
    """Whether nothing began yet: GitHub gives such a job the time it was made at as its start."""
    return status.state in (State.QUEUED, State.WAITING)


def _waiting(status: Status, job: Data, approval: str) -> Status:
    labels = ", ".join(map(str, job.get("labels") or ()))
    if status.state is State.WAITING and approval:
        return status.model_copy(update={"reason": approval})
    if status.state is State.QUEUED and labels:
        return status.model_copy(update={"reason": f"waits for a runner with {labels}"})
    return status


def _step(step: Data, statuses: Statuses) -> StepInstance:
    started, finished = moment(step.get("started_at")), moment(step.get("completed_at"))
    words = step.get("status"), step.get("conclusion")
    return StepInstance(
        external_id=str(step["number"]),
        name=step.get("name") or str(step["number"]),
        status=statuses.status("step", *words, started=started, finished=finished),
        started_at=started,
        finished_at=finished,
    )


def _logs(jobs: Iterable[Data], stages: Iterable[StageInstance]) -> Iterable[BuildLog]:
    """One for each job that did something. It can be read once the job is over, and does not grow then."""
    for job, stage in zip(jobs, stages, strict=True):
        if stage.steps or (job.get("runner_name") and not _untouched(stage.status)):
            yield BuildLog(name=stage.external_id, stage=stage.external_id, complete=stage.status.finished)


def held(instance: BuildInstance) -> bool:
    """Whether something of it is held back, by an environment's rules for all we know."""
    return State.WAITING in {instance.status.state, *(stage.status.state for stage in instance.stages)}
