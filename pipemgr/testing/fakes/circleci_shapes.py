"""The shapes of CircleCI's answers, made from a `World`. Pure: a run goes in, JSON comes out.

API v2's are those of Apache DevLake's raw rows and of CircleCI's OpenAPI description of v2; v1.1's those recorded by
circleci.py and the Ruby client; v3's those that CircleCI's own command line program reads.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pipemgr.model.status import Result, State

from .world import Attempt, Job, Run, Step

Data = dict[str, Any]

ENDS = {
    Result.SUCCESS: "success",
    Result.FAILURE: "failed",
    Result.TIMED_OUT: "failed",
    Result.CANCELED: "canceled",
    Result.SKIPPED: "not_run",
    Result.ERROR: "error",
}
JOB_ENDS = ENDS | {Result.TIMED_OUT: "timedout", Result.ERROR: "infrastructure_fail"}
GOING = {State.QUEUED: "queued", State.WAITING: "on_hold", State.RUNNING: "running"}
OUTCOMES = {
    "success": "succeeded",
    "error": "errored",
    "failed": "failed",
    "failing": "failed",
    "canceled": "canceled",
    "not_run": "not_run",
    "unauthorized": "unauthorized",
    "timedout": "timedout",
    "infrastructure_fail": "infrastructure_fail",
}
STARTED = {"running", "failing", "on_hold"}


def identity(kind: str, number: int) -> str:
    """The UUID of something of the world."""
    return str(uuid5(NAMESPACE_URL, f"{kind}/{number}"))


def precise(moment: datetime | None) -> str | None:
    """A time with thousandths, as pipelines and API v3 have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z" if moment else None


def whole(moment: datetime | None) -> str | None:
    """A time in seconds, as workflows and jobs have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def workflow_word(attempt: Attempt) -> str:
    """The word for a workflow: `failing` while it runs on with a job that failed."""
    if attempt.state is State.FINISHED:
        return ENDS[attempt.result or Result.ERROR]
    bad = any(job.result not in (None, Result.SUCCESS) for job in attempt.jobs)
    return "failing" if attempt.state is State.RUNNING and bad else GOING[attempt.state]


def job_word(job: Job, earlier: list[Job]) -> str:
    """The word for a job: `blocked` until the jobs before it have ended."""
    if job.state is State.FINISHED:
        return JOB_ENDS[job.result or Result.ERROR]
    waits = any(one.state is not State.FINISHED for one in earlier)
    return "blocked" if job.state is State.QUEUED and waits else GOING[job.state]


def pipeline_of(run: Run, state: str, errors: list[Data]) -> Data:
    """A pipeline of API v2 (DevLake, _raw_circleci_api_pipelines)."""
    return {
        "id": identity("pipeline", run.id),
        "errors": errors,
        "project_slug": run.pipeline,
        "updated_at": precise(run.created_at),
        "number": run.number,
        "state": state,
        "created_at": precise(run.created_at),
        "trigger": {
            "received_at": precise(run.created_at),
            "type": "webhook" if run.trigger == "push" else run.trigger,
            "actor": {"login": run.actor, "avatar_url": None},
        },
        "vcs": {
            "origin_repository_url": f"https://github.com/{run.pipeline[3:]}",
            "target_repository_url": f"https://github.com/{run.pipeline[3:]}",
            "revision": run.commit,
            "provider_name": "GitHub",
            "commit": {"body": "", "subject": f"change {run.number}"},
            "branch": run.branch,
        },
    }


def workflow_of(run: Run, number: str | None, attempt: Attempt, word: str) -> Data:
    """A workflow of API v2 (DevLake, _raw_circleci_api_workflows)."""
    return {
        "pipeline_id": identity("pipeline", run.id),
        "id": number,
        "name": "build-and-test",
        "project_slug": run.pipeline,
        "status": word,
        "started_by": identity("user", 1),
        "pipeline_number": run.number,
        "created_at": whole(attempt.queued_at),
        "stopped_at": whole(attempt.finished_at),
    }


def job_of(run: Run, job: Job, word: str, *, number: int | None, needs: list[str]) -> Data:
    """A job of API v2 (DevLake, _raw_circleci_api_jobs). One that never started has no number."""
    row: Data = {
        "dependencies": needs,
        "id": identity("job", job.id),
        "started_at": whole(job.started_at),
        "name": job.name,
        "project_slug": run.pipeline,
        "status": word,
        "type": "build",
        "stopped_at": whole(job.finished_at),
    }
    return row if number is None else {"job_number": number, **row}


def approval_of(run: Run, attempt: Attempt, number: str) -> Data:
    """A job that waits for an approval (OpenAPI description of v2, `Job`)."""
    waits = attempt.state is State.WAITING
    return {
        "dependencies": [],
        "id": number,
        "started_at": whole(attempt.queued_at),
        "name": "hold",
        "project_slug": run.pipeline,
        "status": "on_hold" if waits else "success",
        "type": "approval",
        "approval_request_id": number,
    }


def build_of(run: Run, job: Job, number: int, workflow: str, word: str) -> Data:
    """A job of API v1.1 as lists have it (circleci.py, mock_get_build_info_response; the Ruby client's cassettes)."""
    over = job.state is State.FINISHED
    _, owner, name = run.pipeline.split("/")
    return {
        "build_num": number,
        "username": owner,
        "reponame": name,
        "vcs_revision": run.commit,
        "branch": run.branch,
        "lifecycle": "finished" if over else "running",
        "outcome": word if over else None,
        "status": word,
        "queued_at": precise(job.started_at),
        "start_time": precise(job.started_at),
        "stop_time": precise(job.finished_at),
        "workflows": {
            "job_name": job.name,
            "job_id": identity("job", job.id),
            "workflow_id": workflow,
            "workflow_name": "build-and-test",
        },
        "picard": {"executor": "docker", "resource_class": {"class": "medium"}},
    }


def action_of(step: Step, number: int, url: str) -> Data:
    """A step as API v1.1 has it, `steps[].actions[]` (circleci.py, mock_get_build_info_response)."""
    over = step.state is State.FINISHED
    word = JOB_ENDS[step.result or Result.ERROR] if over else "running"
    return {
        "index": 0,
        "step": number,
        "name": step.name,
        "status": word,
        "failed": True if over and step.result is not Result.SUCCESS else None,
        "timedout": True if step.result is Result.TIMED_OUT else None,
        "parallel": True,
        "type": "test",
        "start_time": precise(step.started_at),
        "end_time": precise(step.finished_at),
        "exit_code": None if step.result is Result.TIMED_OUT else step.exit_code,
        "has_output": bool(step.text),
        "output_url": url,
    }


def run_of(run: Run, project: str, word: str, errors: list[Data]) -> Data:
    """A run of API v3: it has `current_outcome` only, also when it has ended, since a re-run may change it."""
    said: Data = {"created_at": precise(run.created_at), "phase": phase(word)}
    if word in OUTCOMES:
        said["current_outcome"] = OUTCOMES[word]
    if errors:
        said["errors"] = errors
    return {
        "id": identity("pipeline", run.id),
        "attributes": said,
        "references": {
            "event": {"attributes": {"vcs": {"branch": run.branch, "revision": run.commit}}},
            "trigger": {"attributes": {"event_source": {"type": "webhook"}}},
            "project": {"id": project},
            "user": {"id": identity("user", 1)},
        },
    }


def phase(word: str) -> str:
    """How far something is, as API v3 says it."""
    return "started" if word in STARTED else "ended" if word in OUTCOMES else "queued"


def detail_of(job: Job, word: str, workflow: str) -> Data:
    """A job of API v3 with its steps (`parallel_executions[].steps[]`)."""
    return {
        "data": {
            "id": identity("job", job.id),
            "attributes": {
                "name": job.name,
                "type": "build",
                "phase": phase(word),
                "outcome": OUTCOMES.get(word, ""),
                "started_at": precise(job.started_at),
                "ended_at": precise(job.finished_at),
                "parallel_executions": [
                    {
                        "steps": [
                            _step_of(step, 101 + at) for at, step in enumerate(job.steps) if step.started_at
                        ]
                    }
                ],
            },
            "references": {"workflow": {"id": workflow}},
        }
    }


def _step_of(step: Step, number: int) -> Data:
    over = step.state is State.FINISHED
    said: Data = {
        "name": step.name,
        "type": "run",
        "num": number,
        "phase": "ended" if over else "started",
        "started_at": precise(step.started_at),
        "ended_at": precise(step.finished_at),
        "command": f"./{step.name}",
    }
    if over:
        word = JOB_ENDS[step.result or Result.ERROR]
        said["outcome"] = OUTCOMES[word]
        if step.exit_code is not None and step.result is not Result.TIMED_OUT:
            said["exit_code"] = step.exit_code
    return said
