"""Builds: what API v2 tells of pipelines, workflows and jobs, as snapshots. Pure functions on its answers.

A pipeline is a build. Each run of a workflow in it, re-runs included, is an attempt, numbered by the time it was
created: attempts are only ever added. A pipeline without any workflow, be it that its configuration is wrong or that
it is still being worked out, has one attempt that stands for the pipeline itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from pipemgr.adapter import Statuses, Tables
from pipemgr.model.runs import Artifact, Build, BuildInstance, BuildLog, StageInstance
from pipemgr.model.status import State, Status

from .settings import CLOUD, SHORT
from .steps import Data, Detail, moment

MAKING: Final = timedelta(minutes=10)
"""How long a pipeline may be without the workflows that are being made of it."""
KEPT: Final = timedelta(days=30)
"""How long artifacts are kept at most (docs: "Persist data", "Storage retention"); a plan may say less."""
APPROVAL: Final = "approval"
"""The type of a job that only waits for somebody."""
NOTHING: Final = Detail()
_LONG = {short: long for long, short in SHORT.items()}


@dataclass(frozen=True)
class Job:
    """A job of a workflow: its row in the list, what else is known of it, and what it made."""

    row: Data
    detail: Detail = NOTHING
    artifacts: tuple[Data, ...] = ()

    @property
    def id(self) -> str:
        """What names the job; its name, should the id be missing."""
        return str(self.row.get("id") or self.row.get("name") or "")

    @property
    def name(self) -> str:
        """Its name in the workflow."""
        return str(self.row.get("name") or self.id)

    @property
    def number(self) -> int | None:
        """Its number in the project; a job that never started has none."""
        number = self.row.get("job_number")
        return number if isinstance(number, int) else None

    @property
    def title(self) -> str:
        """What its logs and artifacts are called by: unique also when the job was executed again by itself."""
        return f"{self.name}#{self.number}"


@dataclass(frozen=True)
class Seen:
    """An attempt as it was found: the pipeline, its workflow (None: there is none) and the workflow's jobs.

    `project` is the slug that it is known by, whatever a renamed project calls itself by now.
    """

    project: str
    pipeline: Data
    workflow: Data | None = None
    jobs: tuple[Job, ...] = ()
    attempt: int = 1


def ordered(workflows: Iterable[Data]) -> list[Data]:
    """The workflows of a pipeline in the order of their attempts.

    One without an id is not there yet; of two made in the same second the ids decide.
    """
    found = {str(one["id"]): one for one in workflows if one.get("id")}
    return sorted(found.values(), key=lambda one: (str(one.get("created_at") or ""), str(one["id"])))


def build(seen: Seen, tables: Tables, url: str) -> Build:
    """The build that a pipeline is; `url` is where CircleCI is."""
    pipeline = seen.pipeline
    vcs, trigger = pipeline.get("vcs") or {}, pipeline.get("trigger") or {}
    git = (pipeline.get("trigger_parameters") or {}).get("git") or {}
    word = trigger.get("type")
    return Build(
        pipeline=seen.project,
        external_id=str(pipeline["id"]),
        number=pipeline.get("number"),
        name=str((vcs.get("commit") or {}).get("subject") or ""),
        tag=vcs.get("tag") or git.get("tag") or None,
        commit=vcs.get("revision") or git.get("checkout_sha") or None,
        branch=vcs.get("branch") or git.get("branch") or None,
        trigger=tables.triggers.ours.get(word, word) if word else None,
        actor=(trigger.get("actor") or {}).get("login") or None,
        url=page(seen, url),
    )


def page(seen: Seen, url: str) -> str:
    """Where people look at a pipeline: at `app.circleci.com`, or on a Server at its own address."""
    host, *rest = seen.project.split("/")
    parts = urlsplit(url)
    site = "https://app.circleci.com" if url == CLOUD else f"{parts.scheme}://{parts.netloc}"
    return "/".join((site, "pipelines", _LONG.get(host, host), *rest, str(seen.pipeline.get("number"))))


def instance(seen: Seen, tables: Tables, url: str, now: datetime) -> BuildInstance:
    """The snapshot of an attempt; `now` is the time by CircleCI's clock."""
    if seen.workflow is None:
        return _alone(seen, tables, url, now)
    workflow = seen.workflow
    created, stopped = moment(workflow.get("created_at")), moment(workflow.get("stopped_at"))
    status = tables.statuses.status("workflow", workflow.get("status"), started=created, finished=stopped)
    stages = tuple(stage(job, seen.jobs, tables.statuses, over=status.finished) for job in seen.jobs)
    return BuildInstance(
        build=build(seen, tables, url),
        attempt=seen.attempt,
        external_id=str(workflow["id"]),
        status=_explained(status, workflow),
        queued_at=created,
        started_at=min((one.started_at for one in stages if one.started_at), default=None),
        finished_at=stopped if status.finished else None,
        url=f"{page(seen, url)}/workflows/{workflow['id']}",
        stages=stages,
        logs=tuple(log for job in seen.jobs for log in _logs(job)),
        artifacts=tuple(made for job in seen.jobs for made in artifacts(job)),
        source_digest=_digest(seen),
    )


def _alone(seen: Seen, tables: Tables, url: str, now: datetime) -> BuildInstance:
    """The attempt of a pipeline without workflows: they are being made, or its configuration gives none."""
    pipeline = seen.pipeline
    created, updated = moment(pipeline.get("created_at")), moment(pipeline.get("updated_at"))
    kind = "pipeline" if created is not None and now - created < MAKING else "empty"
    problems = "; ".join(str(one.get("message")) for one in pipeline.get("errors") or [])
    status = tables.statuses.status(kind, pipeline.get("state"), reason=problems)
    return BuildInstance(
        build=build(seen, tables, url),
        attempt=seen.attempt,
        external_id=str(pipeline["id"]),
        status=status,
        queued_at=created,
        finished_at=(updated or created) if status.finished else None,
        url=page(seen, url),
        source_digest=_digest(seen),
    )


def stage(job: Job, jobs: Iterable[Job], statuses: Statuses, *, over: bool) -> StageInstance:
    """A job as a stage. In a workflow that is over no job goes on, whatever its last word was."""
    row = job.row
    started, stopped = moment(row.get("started_at")), moment(row.get("stopped_at"))
    status = statuses.status("left" if over else "job", row.get("status"), started=started, finished=stopped)
    missing = _missing(row, jobs, statuses)
    if status.state is State.WAITING and row.get("type") != APPROVAL and missing:
        status = status.model_copy(update={"reason": f"waits for {', '.join(missing)}"})
    return StageInstance(
        external_id=job.id,
        name=job.name,
        stage=job.name,
        status=status,
        queued_at=job.detail.queued_at,
        started_at=started,
        finished_at=stopped if status.finished else None,
        runner=job.detail.runner,
        steps=job.detail.steps,
    )


def begun(row: Data) -> bool:
    """Whether a row of the list of jobs is one that has something inside."""
    return bool(row.get("job_number") and row.get("started_at") and row.get("type") != APPROVAL)


def artifacts(job: Job) -> Iterable[Artifact]:
    """What a job made: `build#7/0/dist/app.whl` is the path in the parallel execution 0 of job 7."""
    stopped = moment(job.row.get("stopped_at"))
    for one in job.artifacts:
        yield Artifact(
            name=f"{job.title}/{one.get('node_index') or 0}/{one.get('path')}",
            uri=one.get("url"),
            expires_at=stopped + KEPT if stopped else None,
            stage=job.id,
        )


def _explained(status: Status, workflow: Data) -> Status:
    """The status of a workflow, with its tag: CircleCI marks so what its configuration's setup is."""
    tag = workflow.get("tag")
    return status.model_copy(update={"reason": f"{tag}: {status.reason}".rstrip(": ")}) if tag else status


def _missing(row: Data, jobs: Iterable[Job], statuses: Statuses) -> list[str]:
    needs = set(row.get("dependencies") or [])
    return [
        one.name
        for one in jobs
        if one.id in needs and not statuses.status("job", one.row.get("status")).finished
    ]


def _logs(job: Job) -> Iterable[BuildLog]:
    for step in job.detail.steps:
        if step.external_id in job.detail.printed:
            yield BuildLog(
                name=f"{job.title}/{step.external_id}",
                stage=job.id,
                step=step.external_id,
                complete=step.status.finished,
            )


def _digest(seen: Seen) -> str:
    """The digest of all answers that a snapshot was made from."""
    parts: list[Any] = [seen.pipeline, seen.workflow]
    for job in seen.jobs:
        parts += [job.row, *job.detail.sources, *job.artifacts]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
