"""Recorded answers of the real GitHub: every run, job, step, state and time as the recording says.

What is expected is computed from the recording by rules that are written here once more, not by the adapter's code.
"""

import csv
import hashlib
import hmac
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Tables, Webhook
from pipemgr.model.runs import BuildInstance, BuildRef, StageInstance, StepInstance
from pipemgr.model.status import Result, State
from pipemgr_github_actions import archive
from pipemgr_github_actions.builds import Told, artifacts, instance
from pipemgr_github_actions.names import name_of

from .conftest import SECRET, Connect

pytestmark = pytest.mark.corpus

TABLES = Tables.of("github-actions")
RESULTS = {
    "success": Result.SUCCESS,
    "failure": Result.FAILURE,
    "cancelled": Result.CANCELED,
    "skipped": Result.SKIPPED,
    "neutral": Result.NEUTRAL,
    "timed_out": Result.TIMED_OUT,
    "startup_failure": Result.ERROR,
    "stale": Result.ERROR,
}
STATES = {
    "completed": State.FINISHED,
    "in_progress": State.RUNNING,
    "queued": State.QUEUED,
    "waiting": State.WAITING,
    "pending": State.WAITING,
    "requested": State.QUEUED,
}


@pytest.fixture(scope="module")
def recordings(corpus: Path) -> Path:
    return corpus / "recordings"


def time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def things(value: Any, marks: set[str]) -> Iterator[dict[str, Any]]:
    """Everything in a JSON value that has all these keys."""
    if isinstance(value, dict):
        if marks <= value.keys():
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from things(one, marks)


def answers(recordings: Path) -> Iterator[Any]:
    """Every JSON body in the recordings."""
    for path in recordings.glob("hub4j-wiremock/**/__files/*.json"):
        yield json.loads(path.read_bytes())
    for path in recordings.glob("octokit-webhooks/*.json"):
        yield json.loads(path.read_bytes())
    for path in recordings.glob("octokit-rb-cassettes/**/*.json"):
        for exchange in json.loads(path.read_bytes())["http_interactions"]:
            body = exchange["response"]["body"].get("string") or ""
            if body.startswith(("{", "[")):
                yield json.loads(body)
    with (recordings / "devlake/github-jobs/raw_tables/_raw_github_api_jobs.csv").open() as file:
        csv.field_size_limit(1 << 24)
        for row in csv.DictReader(file):
            yield json.loads(row["data"])


def snapshot(run: dict[str, Any], jobs: tuple[dict[str, Any], ...] = ()) -> BuildInstance:
    ref = BuildRef(pipeline="a/b:c.yml", build=str(run["id"]), attempt=run.get("run_attempt") or 1)
    return instance(ref, Told(run, jobs), TABLES)


def agrees(found: BuildInstance | StageInstance | StepInstance, said: dict[str, Any]) -> None:
    """State and result are what the two words say."""
    conclusion = said["conclusion"]
    if conclusion and conclusion.lower() == "action_required":
        assert found.status.state is State.WAITING
        return
    assert found.status.state is STATES.get(said["status"], State.FINISHED)
    assert found.status.result is (RESULTS[conclusion.lower()] if conclusion else None)
    assert found.status.raw == " ".join(filter(None, (said["status"], conclusion)))


def test_every_recorded_run(recordings: Path) -> None:
    seen: Counter[str] = Counter()
    for answer in answers(recordings):
        for run in things(answer, {"run_number", "head_sha", "conclusion", "workflow_id"}):
            found = snapshot(run)
            agrees(found, run)
            assert found.build.number == run["run_number"]
            assert found.build.commit == run["head_sha"]
            assert found.build.branch == run["head_branch"]
            assert found.build.actor == (run.get("actor") or {}).get("login")
            assert found.queued_at == time(run.get("run_started_at") or run["created_at"])
            assert found.finished_at == (time(run["updated_at"]) if found.status.finished else None)
            name = name_of("a/b", run)
            file = re.sub(r"^\.github/workflows/", "", run.get("path") or f"workflow/{run['workflow_id']}")
            assert name == f"a/b:{file}"
            seen[f"{run['status']} {run['conclusion']}"] += 1
    assert sum(seen.values()) >= 25, seen
    assert {"completed success", "completed startup_failure", "completed cancelled"} <= set(seen), seen


def test_every_recorded_job_and_step(recordings: Path) -> None:
    jobs = steps = 0
    for answer in answers(recordings):
        for job in things(answer, {"run_id", "steps", "started_at", "runner_id"}):
            (stage,) = snapshot({"id": job["run_id"], "status": "in_progress"}, (job,)).stages
            agrees(stage, job)
            assert (stage.external_id, stage.name) == (str(job["id"]), job["name"])
            assert stage.finished_at == time(job["completed_at"])
            begun = job["status"] not in ("queued", "waiting", "pending", "requested", "action_required")
            assert stage.started_at == (time(job["started_at"]) if begun else None)
            assert stage.queued_at == time(job.get("created_at"))
            assert stage.runner == (job.get("runner_name") or None)
            jobs += 1
            for one, said in zip(stage.steps, job["steps"], strict=True):
                agrees(one, said)
                assert (one.external_id, one.name) == (str(said["number"]), said["name"])
                assert one.started_at == time(said["started_at"])
                assert one.finished_at == time(said["completed_at"])
                steps += 1
    assert jobs >= 40, jobs
    assert steps >= 290, steps


def test_devlake_calls_a_cancelled_job_a_failure_and_we_do_not(recordings: Path) -> None:
    folder = recordings / "devlake/github-jobs"
    with (folder / "raw_tables/_raw_github_api_jobs.csv").open() as file:
        said = [json.loads(row["data"]) for row in csv.DictReader(file)]
    cancelled = [job for job in said if job["conclusion"] == "cancelled"]
    assert cancelled
    for job in cancelled:
        (stage,) = snapshot({"id": job["run_id"], "status": "completed"}, (job,)).stages
        assert stage.status.result is Result.CANCELED


def test_every_recorded_artifact(recordings: Path) -> None:
    count = 0
    for answer in answers(recordings):
        for one in things(answer, {"archive_download_url", "size_in_bytes", "expired"}):
            (found,) = artifacts({"id": 1}, [one])
            assert (found.name, found.size) == (one["name"], one["size_in_bytes"])
            assert found.expires_at == time(one["expires_at"])
            assert found.uri == (None if one["expired"] else one["archive_download_url"])
            count += 1
    assert count >= 5, count


def said(log: bytes) -> set[str]:
    """The lines of a log without their times, which differ by microseconds between its two copies."""
    return {line.partition(" ")[2] for line in log.decode("utf-8-sig").splitlines()}


def test_a_recorded_archive_of_logs(recordings: Path) -> None:
    path = next(recordings.glob("hub4j-wiremock/**/testLogs_actions-user-content/__files/*"))
    with zipfile.ZipFile(path) as packed:
        infos = packed.infolist()
        job = archive.member(infos, "build", ["build"])
        assert job is not None
        text = said(packed.read(job))
        steps = [one for one in infos if one.filename.startswith("build/") and one.file_size]
        for one in steps:
            number = re.match(r"build/(\d+)_", one.filename)
            assert number is not None
            assert archive.member(infos, "build", ["build"], number[1]) == one
            assert said(packed.read(one)) <= text
        assert len(steps) >= 5
        assert archive.member(infos, "build", ["build", "build"]) is None


def test_every_recorded_webhook(recordings: Path, connect: Connect) -> None:
    seen: Counter[str] = Counter()
    for path in sorted(recordings.glob("octokit-webhooks/*.json")):
        body, event = path.read_bytes(), path.name.partition("__")[0]
        payload = json.loads(body)
        name = (payload.get("repository") or {}).get("full_name", "a/b")
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-github-event": event, "x-github-delivery": "1", "x-hub-signature-256": signature}
        hints = connect(repositories=[name]).receive(Webhook(headers, body))
        run = payload.get("workflow_run")
        expected = event in ("workflow_run", "workflow_job", "deployment_review")
        assert hints.relevant == expected, path.name
        if expected and run:
            (ref,) = hints.builds
            assert (ref.build, ref.attempt) == (str(run["id"]), run["run_attempt"])
        seen[event] += 1
    assert seen["workflow_job"] >= 5, seen
    assert seen["workflow_run"] >= 1, seen
