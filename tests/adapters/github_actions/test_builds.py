"""One attempt, whole: jobs, steps, times, states and what they wait for."""

import json
from datetime import timedelta
from typing import Any

import pytest

from pipemgr.adapter import Conflict, NotFound, Retryable, Tables
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr.testing.fakes.github import GitHub
from pipemgr.testing.fakes.world import Run, World
from pipemgr_github_actions import GitHubActionsAdapter
from pipemgr_github_actions.builds import Told, instance, moment
from pipemgr_github_actions.names import attempts, name_of

CI = "acme/shop:ci.yml"
TABLES = Tables.of("github-actions")


def ref(run: Run, attempt: int = 1) -> BuildRef:
    return BuildRef(pipeline=run.pipeline, build=str(run.id), attempt=attempt)


def told(**run: Any) -> Any:
    whole = {"id": 7, "run_number": 3, "run_attempt": 1, "run_started_at": "2026-11-01T08:00:00Z"} | run
    return instance(BuildRef(pipeline=CI, build="7"), Told(whole), TABLES)


def test_a_finished_run(world: World, adapter: GitHubActionsAdapter) -> None:
    run = world.start(CI, branch="feature/x")
    world.tick(5)
    world.begin(run)
    world.tick(60)
    world.finish(run, Result.FAILURE)
    found = adapter.snapshot(ref(run))
    assert (found.build.number, found.build.commit, found.build.branch) == (1, run.commit, "feature/x")
    assert (found.build.trigger, found.build.actor) == ("push", "ada")
    assert found.queued_at == run.created_at
    assert found.started_at == run.created_at + timedelta(seconds=5)
    assert found.finished_at == world.now
    assert (found.status.result, found.status.raw) == (Result.FAILURE, "completed failure")
    assert found.status.reason == "build: run"
    assert [one.name for one in found.stages] == ["build", "test"]
    assert [one.name for one in found.stages[0].steps] == ["run"]
    assert found.stages[0].runner
    assert all(log.complete and log.stage for log in found.logs)


def test_a_queued_run_waits_for_a_runner(world: World, adapter: GitHubActionsAdapter) -> None:
    found = adapter.snapshot(ref(world.start(CI)))
    assert found.status.state is State.QUEUED
    assert found.started_at is None
    assert [one.started_at for one in found.stages] == [None, None]
    assert found.status.reason == "waits for a runner with ubuntu-latest"
    assert found.logs == ()


def test_a_run_that_waits_says_for_whom(world: World, adapter: GitHubActionsAdapter) -> None:
    run = world.start(CI)
    world.wait(run)
    found = adapter.snapshot(ref(run))
    assert found.status.state is State.WAITING
    assert found.status.reason == "production waits for approval by grace"


def test_every_attempt_is_told_apart(world: World, adapter: GitHubActionsAdapter) -> None:
    run = world.start(CI)
    world.begin(run)
    world.finish(run, Result.FAILURE)
    world.tick(100)
    world.rerun(run)
    first, second = adapter.snapshot(ref(run, 1)), adapter.snapshot(ref(run, 2))
    assert (first.status.result, second.status.state) == (Result.FAILURE, State.QUEUED)
    assert second.queued_at == world.now
    assert {one.external_id for one in first.stages}.isdisjoint(one.external_id for one in second.stages)
    with pytest.raises(NotFound):
        adapter.snapshot(ref(run, 3))


def test_a_rerun_of_what_failed_starts_with_its_own_jobs(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    run = world.start(CI)
    world.begin(run)
    world.tick(10)
    world.finish(run)
    run.latest.jobs[1].result = run.latest.result = Result.FAILURE
    kept = run.latest.jobs[0].started_at
    world.tick(100)
    assert adapter.rerun(ref(run), failed_only=True) == ref(run, 2)
    world.tick(7)
    job = run.latest.jobs[1]
    run.latest.state = job.state = State.RUNNING
    job.started_at = world.now
    found = adapter.snapshot(ref(run, 2))
    assert [one.started_at for one in found.stages] == [kept, world.now]
    assert found.started_at == world.now
    assert found.stages[0].status.result is Result.SUCCESS


def test_another_attempt_than_the_one_asked_for_is_none(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    run = world.start(CI)
    github.fail("/attempts/2", status=200, body=json.dumps({"id": run.id, "run_attempt": 1}))
    with pytest.raises(Retryable, match="attempt 2; GitHub tells of"):
        adapter.snapshot(ref(run, 2))


def test_more_jobs_than_fit_on_a_page(github: GitHub, adapter: GitHubActionsAdapter) -> None:
    github.world = world = World(jobs=tuple(f"test ({one}, linux)" for one in range(256)))
    run = world.start(CI)
    found = adapter.snapshot(ref(run))
    assert [one.name for one in found.stages] == [f"test ({one}, linux)" for one in range(256)]


@pytest.mark.parametrize(
    ("status", "conclusion", "state", "result"),
    [
        ("completed", "success", State.FINISHED, Result.SUCCESS),
        ("completed", "startup_failure", State.FINISHED, Result.ERROR),
        ("completed", "stale", State.FINISHED, Result.ERROR),
        ("completed", "timed_out", State.FINISHED, Result.TIMED_OUT),
        ("completed", "cancelled", State.FINISHED, Result.CANCELED),
        ("completed", "neutral", State.FINISHED, Result.NEUTRAL),
        ("completed", "skipped", State.FINISHED, Result.SKIPPED),
        ("completed", "action_required", State.WAITING, None),
        ("completed", None, State.FINISHED, Result.UNKNOWN),
        ("completed", "excellent", State.FINISHED, Result.UNKNOWN),
        ("requested", None, State.QUEUED, None),
        ("pending", None, State.WAITING, None),
        ("levitating", None, State.QUEUED, None),
        ("levitating", "success", State.FINISHED, Result.UNKNOWN),
        (None, None, State.QUEUED, None),
    ],
)
def test_states(status: str | None, conclusion: str | None, state: State, result: Result | None) -> None:
    found = told(status=status, conclusion=conclusion, updated_at="2026-11-01T08:09:00Z")
    assert (found.status.state, found.status.result) == (state, result)
    assert (found.finished_at is not None) == (state is State.FINISHED)


def test_new_unknown_status_word(world: World, adapter: GitHubActionsAdapter) -> None:
    run = world.start(CI)
    world.begin(run)
    world.finish(run, Result.UNKNOWN)
    found = adapter.snapshot(ref(run))
    assert found.status.raw == "completed a_new_word"
    assert found.status.result is Result.UNKNOWN
    assert not found.status.good


def test_nulls_everywhere_are_no_fault() -> None:
    found = told(status="queued", conclusion=None, head_branch=None, actor=None, head_sha=None, event=None)
    assert (found.build.branch, found.build.actor, found.build.commit) == (None, None, None)
    job = {"id": 1, "name": "a", "status": "completed", "conclusion": None, "labels": None, "steps": None}
    whole = Told({"id": 7, "status": "in_progress", "run_started_at": None}, [job])
    found = instance(BuildRef(pipeline=CI, build="7"), whole, TABLES)
    assert found.stages[0].status.result is Result.UNKNOWN


def test_what_changes_without_the_build_is_no_change() -> None:
    one = told(status="queued", repository={"stars": 1}, updated_at="2026-11-01T08:00:00Z")
    two = told(status="queued", repository={"stars": 2}, updated_at="2026-11-01T08:00:09Z")
    assert one == two


def test_times() -> None:
    assert moment("2021-02-18T14:59:13.000+08:00") == moment("2021-02-18T06:59:13Z")
    assert [moment(one) for one in (None, "", "0001-01-01T00:00:00Z", "soon", 7, "2021-02-18")] == [None] * 6


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ({"path": ".github/workflows/ci.yml"}, "acme/shop:ci.yml"),
        ({"path": ".github/workflows/ci.yml@refs/heads/main"}, "acme/shop:ci.yml"),
        ({"path": ".github/workflows/ci@2.yaml@v1"}, "acme/shop:ci@2.yaml"),
        ({"path": "dynamic/pages/pages-build-deployment"}, "acme/shop:dynamic/pages/pages-build-deployment"),
        ({"path": "ci/other.yml"}, "acme/shop:ci/other.yml"),
        ({"path": None, "workflow_id": 5}, "acme/shop:workflow/5"),
        ({"workflow_id": 5}, "acme/shop:workflow/5"),
    ],
)
def test_names(run: dict[str, Any], name: str) -> None:
    assert name_of("acme/shop", run) == name


def test_all_attempts_of_a_run() -> None:
    run = {"id": 5, "path": ".github/workflows/ci.yml", "run_attempt": 3}
    assert [one.attempt for one in attempts("acme/shop", run)] == [1, 2, 3]
    assert [one.attempt for one in attempts("acme/shop", run | {"run_attempt": None})] == [1]


@pytest.mark.parametrize("build", ["../../orgs/acme", "", "x", "1/jobs"])
def test_an_id_leads_nowhere_else(adapter: GitHubActionsAdapter, github: GitHub, build: str) -> None:
    with pytest.raises(NotFound):
        adapter.snapshot(BuildRef(pipeline=CI, build=build))
    with pytest.raises(NotFound):
        adapter.snapshot(BuildRef(pipeline="acme:ci.yml", build="1"))
    assert github.calls == []


# Control -----------------------------------------------------------------------------------------------------


def test_a_start_says_which_run_it_became(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    world.start(CI)
    made = adapter.start(CI, {"environment": "test", "dry": True, "git.ref": "release"})
    run = world.runs[-1]
    assert made == ref(run)
    assert (run.branch, run.parameters) == ("release", {"environment": "test", "dry": "true"})
    assert adapter.snapshot(made).build.trigger == "manual"
    adapter.start(CI, {})
    assert world.runs[-1].branch == "main"


def test_a_start_on_an_old_server_is_matched_or_said_to_be_unknown(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    world.start(CI)
    world.tick(10)
    github.tells_run = False
    made = adapter.start(CI, {})
    assert made == ref(world.runs[-1])
    world.start(CI).trigger = "manual"
    with pytest.raises(Retryable, match="can't be told"):
        adapter.start(CI, {})


def test_a_start_is_asked_for_once_though_the_answer_is_lost(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    world.start(CI)
    github.fail("/dispatches", lost=True)
    with pytest.raises(Retryable):
        adapter.start(CI, {})
    assert len(world.runs) == 2


def test_a_dynamic_workflow_is_asked_for_by_its_id(world: World, adapter: GitHubActionsAdapter) -> None:
    world.start("acme/shop:dynamic/pages/pages-build-deployment")
    made = adapter.start("acme/shop:dynamic/pages/pages-build-deployment", {})
    assert made == ref(world.runs[-1])
    with pytest.raises(NotFound, match="no workflow"):
        adapter.start("acme/shop:dynamic/nothing", {})


def test_cancel(world: World, github: GitHub, adapter: GitHubActionsAdapter) -> None:
    run = world.start(CI)
    world.begin(run)
    adapter.cancel(ref(run))
    assert run.latest.result is Result.CANCELED
    adapter.cancel(ref(run))
    world.rerun(run)
    with pytest.raises(Conflict, match="attempt 2 is the newest"):
        adapter.cancel(ref(run))
    github.cancel_refused = True
    adapter.cancel(ref(run, 2))
    assert [call.path.rpartition("/")[2] for call in github.calls if call.method == "POST"][
        -1
    ] == "force-cancel"


def test_rerun_limits_are_clear(world: World, adapter: GitHubActionsAdapter) -> None:
    run = world.start(CI)
    with pytest.raises(Conflict, match="has not ended"):
        adapter.rerun(ref(run))
    world.finish(run)
    assert adapter.rerun(ref(run)) == ref(run, 2)
    while len(run.attempts) < 51:
        world.rerun(run)
    world.finish(run)
    with pytest.raises(Exception, match="re-run 50 times, and GitHub allows 50"):
        adapter.rerun(ref(run, 51))
    old = world.start(CI)
    world.finish(old)
    world.tick(31 * 86_400)
    with pytest.raises(Exception, match="30 days only"):
        adapter.rerun(ref(old))


def test_approve(world: World, github: GitHub, adapter: GitHubActionsAdapter) -> None:
    run = world.start(CI)
    world.wait(run)
    with pytest.raises(NotFound, match="pending: production"):
        adapter.approve(ref(run), "staging")
    adapter.approve(ref(run), "production", comment="fine")
    assert run.latest.state is State.RUNNING
    world.wait(run)
    adapter.approve(ref(run), str(run.latest.jobs[0].id), accept=False)
    assert run.latest.result is Result.FAILURE
    waiting = world.start(CI)
    world.wait(waiting)
    github.environments["staging"] = 8
    with pytest.raises(NotFound, match="production, staging"):
        adapter.approve(ref(waiting), str(waiting.latest.jobs[0].id))
    github.can_approve = False
    with pytest.raises(Exception, match="may not answer"):
        adapter.approve(ref(waiting), "staging")


def test_probe_and_pipelines(world: World, github: GitHub, adapter: GitHubActionsAdapter) -> None:
    for file in ("ci.yml", "release.yaml", "dynamic/dependabot/dependabot-updates"):
        world.start(f"acme/shop:{file}")
    assert set(adapter.pipelines()) == {run.pipeline for run in world.runs}
    told = adapter.probe()
    assert (told.name, told.identity) == ("GitHub", "ada")
    assert "requests left" in told.notes[0]
    github.enterprise = "3.20.1"
    assert (adapter.probe().name, adapter.probe().version) == ("GitHub Enterprise Server", "3.20.1")
    github.repositories, world.runs = [], []
    assert "acme/shop can't be seen" in adapter.probe().notes[1]
