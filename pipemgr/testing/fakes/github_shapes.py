"""The shapes of GitHub's answers, for its fake: `World` things as the JSON of the API description."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import datetime, timedelta
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from pipemgr.model.status import Result, State

from .world import Attempt, Job, Run

STATES = {
    State.QUEUED: "queued",
    State.WAITING: "waiting",
    State.RUNNING: "in_progress",
    State.FINISHED: "completed",
}
CONCLUSIONS = {
    Result.SUCCESS: "success",
    Result.NEUTRAL: "neutral",
    Result.SKIPPED: "skipped",
    Result.CANCELED: "cancelled",
    Result.TIMED_OUT: "timed_out",
    Result.FAILURE: "failure",
    Result.ERROR: "startup_failure",
    Result.UNSTABLE: "failure",
    Result.UNKNOWN: "a_new_word",
}
Data = dict[str, Any]


def run_of(run: Run, attempt: Attempt, url: str) -> Data:
    """`workflow-run`."""
    name, _, file = run.pipeline.partition(":")
    place = f"{url}/repos/{name}/actions/runs/{run.id}"
    newest = attempt is run.latest
    return {
        "id": run.id,
        "node_id": f"WFR_{run.id}",
        "name": file,
        "head_branch": run.branch,
        "head_sha": run.commit,
        "path": path_of(file),
        "display_title": f"{file} #{run.number}",
        "run_number": run.number,
        "event": "workflow_dispatch" if run.trigger == "manual" else run.trigger,
        "status": STATES[attempt.state],
        "conclusion": CONCLUSIONS[attempt.result] if attempt.result else None,
        "workflow_id": number_of(run.pipeline),
        "url": place,
        "html_url": f"https://github.test/{name}/actions/runs/{run.id}",
        **{f"{one}_url": f"{place}/{one}" for one in ("jobs", "logs", "artifacts", "cancel", "rerun")},
        "check_suite_url": f"{url}/repos/{name}/check-suites/{run.id}",
        "workflow_url": f"{url}/repos/{name}/actions/workflows/{number_of(run.pipeline)}",
        "pull_requests": [],
        "head_commit": None,
        "created_at": time_of(run.created_at),
        "updated_at": time_of(run.updated_at if newest else attempt.finished_at),
        "actor": user_of(run.actor),
        "run_attempt": attempt.number,
        "run_started_at": time_of(attempt.queued_at),
        "previous_attempt_url": f"{place}/attempts/{attempt.number - 1}" if attempt.number > 1 else None,
    }


def job_of(run: Run, attempt: Attempt, job: Job) -> Data:
    """`job`."""
    begun = job.started_at is not None
    return {
        "id": job.id,
        "node_id": f"CR_{job.id}",
        "run_id": run.id,
        "run_url": f"https://github.test/runs/{run.id}",
        "url": f"https://github.test/jobs/{job.id}",
        "html_url": f"https://github.test/jobs/{job.id}",
        "check_run_url": f"https://github.test/check-runs/{job.id}",
        "workflow_name": run.pipeline.partition(":")[2],
        "head_branch": run.branch,
        "run_attempt": attempt.number,
        "head_sha": run.commit,
        "status": STATES[job.state],
        "conclusion": _conclusion(job.result),
        "created_at": time_of(attempt.queued_at),
        "started_at": time_of(job.started_at or attempt.queued_at),
        "completed_at": time_of(job.finished_at),
        "name": job.name,
        "steps": [
            {
                "name": step.name,
                "status": STATES[step.state],
                "conclusion": _conclusion(step.result),
                "number": number,
                "started_at": time_of(step.started_at),
                "completed_at": time_of(step.finished_at),
            }
            for number, step in enumerate(job.steps, start=1)
        ]
        if begun
        else [],
        "labels": ["ubuntu-latest"],
        "runner_id": 1 if begun else None,
        "runner_group_id": 1 if begun else None,
        "runner_group_name": "GitHub Actions" if begun else None,
        "runner_name": f"GitHub Actions {job.id}" if begun else None,
    }


def artifacts_of(run: Run, url: str, *, digests: bool) -> list[Data]:
    """A list of `artifact`."""
    place = f"{url}/repos/{repo_of(run)}/actions/artifacts"
    return [
        {
            "id": run.id * 100 + count,
            "node_id": f"A_{run.id}",
            "name": name,
            "url": f"{place}/{run.id * 100 + count}",
            "updated_at": time_of(run.updated_at),
            "size_in_bytes": len(content),
            "archive_download_url": f"{place}/{run.id * 100 + count}/zip",
            "expired": False,
            "digest": f"sha256:{hashlib.sha256(content).hexdigest()}" if digests else None,
            "created_at": time_of(run.latest.finished_at or run.updated_at),
            "expires_at": time_of(run.updated_at + timedelta(days=90)),
        }
        for count, (name, content) in enumerate(run.artifacts.items())
    ]


def workflow_of(pipeline: str, url: str, time: datetime) -> Data:
    """`workflow`."""
    name, _, file = pipeline.partition(":")
    place = f"{url}/repos/{name}/actions/workflows/{number_of(pipeline)}"
    return {
        "id": number_of(pipeline),
        "node_id": f"W_{file}",
        "name": file,
        "path": path_of(file),
        "state": "active",
        "created_at": time_of(time),
        "updated_at": time_of(time),
        "url": place,
        "html_url": f"https://github.test/{name}/blob/main/{path_of(file)}",
        "badge_url": f"https://github.test/{name}/workflows/{file}/badge.svg",
    }


def pending_of(name: str, number: int, *, can_approve: bool) -> Data:
    """`pending-deployment`."""
    return {
        "environment": {"id": number, "name": name},
        "wait_timer": 0,
        "wait_timer_started_at": None,
        "current_user_can_approve": can_approve,
        "reviewers": [{"type": "User", "reviewer": user_of("grace")}],
    }


def repo_of(run: Run) -> str:
    """Its repository."""
    return run.pipeline.partition(":")[0]


def path_of(file: str) -> str:
    """The path of a workflow file."""
    return file if "/" in file else f".github/workflows/{file}"


def number_of(name: str) -> int:
    """An id."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)


def time_of(time: datetime | None) -> str | None:
    """A time as GitHub writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None


def _conclusion(result: Result | None) -> str | None:
    """Jobs and steps have no `startup_failure`."""
    return None if result is None else "failure" if result is Result.ERROR else CONCLUSIONS[result]


def user_of(login: str) -> Data:
    """`simple-user`."""
    place = f"https://github.test/users/{login}"
    links = ("followers", "subscriptions", "organizations", "repos", "received_events")
    more = ("following", "gists", "starred", "events")
    return {
        "login": login,
        "id": number_of(login),
        "node_id": f"U_{login}",
        "avatar_url": f"{place}.png",
        "gravatar_id": "",
        "url": place,
        "html_url": place,
        **{f"{name}_url": f"{place}/{name}" for name in (*links, *more)},
        "type": "User",
        "site_admin": False,
    }


def repository_of(name: str, url: str) -> Data:
    """`minimal-repository`."""
    return {
        "id": number_of(name),
        "name": name.partition("/")[2],
        "full_name": name,
        "default_branch": "main",
        "archived": False,
        "disabled": False,
        "url": f"{url}/repos/{name}",
    }


def archive_of(attempt: Attempt) -> bytes:
    """Logs as GitHub packs them: `N_JOB.txt` for each job and `JOB/N_STEP.txt` for each step (hub4j's testLogs)."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for count, job in enumerate(attempt.jobs):
            name = _cut(job.name)
            taken = archive.namelist()
            name = (
                f"{name} (1)"
                if any(one.endswith(f"_{name}.txt") and "/" not in one for one in taken)
                else name
            )
            archive.writestr(f"{count}_{name}.txt", "".join(step.text for step in job.steps))
            for number, step in enumerate(job.steps, start=1):
                archive.writestr(f"{name}/{number}_{_cut(step.name)}.txt", step.text)
    return packed.getvalue()


def _cut(name: str) -> str:
    """A name without what no file name may hold, cut at 90 UTF-16 units, where half a character is replaced."""
    units = re.sub(r'[\\/:*?"<>|]', "", name).encode("utf-16-le")[:180]
    return units.decode("utf-16-le", "replace")
