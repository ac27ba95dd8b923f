"""Snapshots: attempts with their jobs, steps, times, runners and reasons, in every state."""

import logging

import pytest

from pipemgr.adapter import NotFound
from pipemgr.model.runs import BuildInstance
from pipemgr.model.status import Result, State
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import Run, World
from pipemgr_circleci import CircleCIAdapter

from .conftest import SHOP, Connect, ran, ref


def test_a_build_says_what_it_is(world: World, adapter: CircleCIAdapter) -> None:
    (run,) = ran(world)
    seen = adapter.snapshot(ref(run))
    build = seen.build
    assert (build.pipeline, build.number, build.branch, build.commit) == (SHOP, 1, "main", run.commit)
    assert (build.actor, build.trigger, build.name) == ("ada", "push", "change 1")
    assert build.url is not None
    assert build.url.endswith("/pipelines/github/acme/shop/1")
    assert seen.url == f"{build.url}/workflows/{seen.external_id}"
    assert (seen.status.state, seen.status.result, seen.status.raw) == (
        State.FINISHED, Result.SUCCESS, "success",
    )  # fmt: skip
    attempt = run.latest
    assert (seen.queued_at, seen.started_at, seen.finished_at) == (
        attempt.queued_at, attempt.started_at, attempt.finished_at,
    )  # fmt: skip


def test_stages_and_steps_have_times_runners_and_exit_codes(world: World, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    world.begin(run)
    world.tick(7)
    world.finish(run, Result.FAILURE)
    seen = adapter.snapshot(ref(run))
    assert [stage.name for stage in seen.stages] == ["build", "test"]
    for stage, job in zip(seen.stages, run.latest.jobs, strict=True):
        assert stage.external_id == identity("job", job.id)
        assert (stage.started_at, stage.finished_at) == (job.started_at, job.finished_at)
        assert stage.runner == "docker medium"
        assert stage.queued_at is not None
        (step,) = stage.steps
        assert (step.external_id, step.name, step.exit_code) == ("0.101", "run", 1)
        assert (step.started_at, step.finished_at) == (job.steps[0].started_at, job.steps[0].finished_at)
        assert (step.status.result, step.status.reason) == (Result.FAILURE, "exit code 1")


def test_a_step_that_printed_nothing_too_long_timed_out(world: World, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    world.begin(run)
    world.finish(run, Result.TIMED_OUT)
    stage = adapter.snapshot(ref(run)).stages[0]
    assert stage.status.result is Result.TIMED_OUT
    assert (stage.steps[0].status.result, stage.steps[0].exit_code) == (Result.TIMED_OUT, None)


def test_what_has_not_begun_waits_for_what_it_needs(world: World, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    world.begin(run)
    seen = adapter.snapshot(ref(run))
    assert (seen.status.state, seen.status.result, seen.finished_at) == (State.RUNNING, None, None)
    first, second = seen.stages
    assert first.status.state is State.RUNNING
    assert first.steps[0].status.state is State.RUNNING
    assert (second.status.state, second.status.reason) == (State.WAITING, "waits for build")
    assert (second.started_at, second.steps) == (None, ())


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("blocked", Result.SKIPPED),
        ("on_hold", Result.SKIPPED),
        ("not_run", Result.SKIPPED),
        ("unauthorized", Result.ERROR),
        ("queued", Result.SKIPPED),
        ("running", Result.CANCELED),
        ("terminated-unknown", Result.ERROR),
        ("retried", Result.FAILURE),
    ],
)
def test_no_job_goes_on_in_a_workflow_that_is_over(
    world: World, circle: CircleCI, adapter: CircleCIAdapter, word: str, result: Result
) -> None:
    """Job without number, as it never began; and whatever its last word was, nothing more will happen to it."""
    run = world.start(SHOP)
    world.begin(run)
    world.finish(run, Result.CANCELED)
    job = run.latest.jobs[1]
    job.started_at = None
    circle.words[identity("job", job.id)] = word
    status = adapter.snapshot(ref(run)).stages[1].status
    assert (status.state, status.result, status.raw) == (State.FINISHED, result, word)


def test_failing_is_running_with_a_failure_to_come(world: World, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    world.begin(run)
    job = run.latest.jobs[0]
    job.state, job.result, job.finished_at = State.FINISHED, Result.FAILURE, world.now
    status = adapter.snapshot(ref(run)).status
    assert (status.state, status.result, status.provisional) == (State.RUNNING, None, Result.FAILURE)
    assert status.raw == "failing"


def test_unauthorized_is_an_end(world: World, circle: CircleCI, adapter: CircleCIAdapter) -> None:
    (run,) = ran(world)
    circle.words[circle.workflow_id(run)] = "unauthorized"
    status = adapter.snapshot(ref(run)).status
    assert (status.finished, status.result, status.good) == (True, Result.ERROR, False)


@pytest.mark.parametrize("ended", [True, False])
def test_a_word_that_nobody_knows_is_no_success(
    world: World, circle: CircleCI, adapter: CircleCIAdapter, caplog: pytest.LogCaptureFixture, ended: bool
) -> None:
    run = world.start(SHOP)
    world.begin(run)
    if ended:
        world.finish(run)
    circle.words[circle.workflow_id(run)] = "sublimated"
    circle.words[identity("job", run.latest.jobs[0].id)] = "sublimated"
    with caplog.at_level(logging.WARNING):
        seen = adapter.snapshot(ref(run))
    expected = (State.FINISHED, Result.UNKNOWN) if ended else (State.RUNNING, None)
    assert (seen.status.state, seen.status.result) == expected
    assert (seen.stages[0].status.state, seen.stages[0].status.result) == expected


@pytest.mark.parametrize(
    ("state", "minutes", "expected", "result"),
    [
        ("errored", 0, State.FINISHED, Result.ERROR),
        ("setup-pending", 0, State.QUEUED, None),
        ("setup", 0, State.QUEUED, None),
        ("pending", 30, State.QUEUED, None),
        ("created", 0, State.QUEUED, None),
        ("created", 30, State.FINISHED, Result.NEUTRAL),
        ("dissolved", 30, State.QUEUED, None),
    ],
)
def test_a_pipeline_without_workflows_stands_for_itself(
    world: World,
    circle: CircleCI,
    adapter: CircleCIAdapter,
    state: str,
    minutes: int,
    expected: State,
    result: Result | None,
) -> None:
    run = world.start(SHOP)
    circle.bare.add(run.id)
    circle.states[run.id] = state
    circle.errors[run.id] = [{"type": "config", "message": "no such orb"}]
    world.tick(60 * minutes)
    adapter.client.get("v2/me")  # tells the time
    seen = adapter.snapshot(ref(run))
    assert (seen.status.state, seen.status.result) == (expected, result)
    assert seen.status.reason == "no such orb"
    assert seen.stages == ()
    with pytest.raises(NotFound):
        adapter.snapshot(ref(run, 2))


def test_an_approval_waits_and_has_neither_number_nor_steps(world: World, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    world.wait(run)
    seen = adapter.snapshot(ref(run))
    hold = next(stage for stage in seen.stages if stage.name == "hold")
    assert (seen.status.state, hold.status.state) == (State.WAITING, State.WAITING)
    assert hold.status.reason == "waits for an approval"
    assert hold.steps == ()


def rerun(world: World, run: Run) -> None:
    world.rerun(run)
    world.tick(3)
    world.begin(run)
    world.tick(3)
    world.finish(run, Result.FAILURE)


def test_attempts_are_told_apart_and_keep_their_numbers(world: World, adapter: CircleCIAdapter) -> None:
    (run,) = ran(world)
    first = adapter.snapshot(ref(run))
    rerun(world, run)
    second = adapter.snapshot(ref(run, 2))
    assert adapter.snapshot(ref(run)) == first
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.external_id != second.external_id
    assert first.build == second.build
    assert second.status.result is Result.FAILURE
    with pytest.raises(NotFound, match="no attempt 3"):
        adapter.snapshot(ref(run, 3))


def test_a_pipeline_that_has_expired_is_not_found(world: World, adapter: CircleCIAdapter) -> None:
    (run,) = ran(world)
    world.delete(run)
    with pytest.raises(NotFound):
        adapter.snapshot(ref(run))


def test_more_jobs_than_a_page_has(world: World, circle: CircleCI, adapter: CircleCIAdapter) -> None:
    circle.size = 1
    (run,) = ran(world)
    rerun(world, run)
    assert [stage.name for stage in adapter.snapshot(ref(run, 2)).stages] == ["build", "test"]


def test_what_is_over_is_not_asked_for_twice(world: World, circle: CircleCI, connect: Connect) -> None:
    adapter = connect(api="v3")
    run = world.start(SHOP)
    world.begin(run)
    job = run.latest.jobs[0]
    job.state, job.result, job.finished_at = State.FINISHED, Result.SUCCESS, world.now
    job.steps[0].state, job.steps[0].result, job.steps[0].finished_at = (
        State.FINISHED,
        Result.SUCCESS,
        world.now,
    )
    adapter.snapshot(ref(run))
    before = len(circle.calls)
    adapter.snapshot(ref(run))
    assert len(circle.asked(before)) == 2  # its workflows and its jobs


def test_a_job_that_v3_does_not_know_is_read_by_v1(world: World, circle: CircleCI, connect: Connect) -> None:
    (run,) = ran(world)
    classic: BuildInstance = connect(api="v2").snapshot(ref(run))
    circle.fail("/api/v3/jobs/", status=404, times=2)
    assert [one.steps for one in connect(api="v3").snapshot(ref(run)).stages] == [
        one.steps for one in classic.stages
    ]
