"""What goes wrong at CircleCI, through the hub and into a ledger: nothing is lost, nothing stops the rest."""

import contextlib
import hashlib
import hmac
import json
from typing import Any

import pytest

from pipemgr.adapter import Webhook
from pipemgr.errors import AdapterError
from pipemgr.ingest.webhooks import Reception, receive
from pipemgr.model.events import Kind
from pipemgr.model.status import Result, State
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import World

from .conftest import SECRET, SHOP, ZOO, Hub, ran, ref


def test_in_progress_at_poll_then_success(world: World, hub: Hub) -> None:
    run = world.start(SHOP)
    world.begin(run)
    world.tick(10)
    hub.poll()
    seen = hub.has(ref(run))
    assert seen is not None
    assert seen.status.state is State.RUNNING
    world.print(run, "done\n")
    world.finish(run)
    world.tick(10)
    hub.poll()
    seen = hub.has(ref(run))
    assert seen is not None
    assert (seen.status.result, seen.finished_at) == (Result.SUCCESS, run.latest.finished_at)
    assert len(seen.stages) == 2
    assert any(log.digest for log in seen.logs)


def test_rerun_29_days_later(world: World, hub: Hub) -> None:
    (run,) = ran(world)
    hub.poll()
    world.tick(29 * 86_400)
    world.rerun(run)
    world.begin(run)
    world.tick(60)
    hub.poll()
    world.finish(run, Result.FAILURE)
    world.tick(60)
    hub.poll()
    assert hub.result(ref(run)) is Result.SUCCESS
    assert hub.result(ref(run, 2)) is Result.FAILURE


def test_more_than_a_page_between_two_polls(world: World, hub: Hub) -> None:
    hub.poll()
    runs = ran(world, count=70) + ran(world, ZOO, count=3)
    hub.poll()
    assert {hub.result(ref(run)) for run in runs} == {Result.SUCCESS}


def test_circleci_pipeline_whose_workflow_endpoint_always_returns_500(
    world: World, circle: CircleCI, hub: Hub
) -> None:
    first, bad, last = ran(world, count=3)
    circle.broken.add(bad.id)
    for _ in range(3):
        hub.poll()
    assert hub.result(ref(first)) is hub.result(ref(last)) is Result.SUCCESS
    assert hub.has(ref(bad)) is None
    (waiting,) = hub.ledger.queries.quarantine("ci")
    assert waiting.ref == ref(bad)
    assert "500" in (waiting.error or "")


def test_workflow_id_null(world: World, circle: CircleCI, hub: Hub) -> None:
    run = world.start(SHOP)
    circle.nameless.add(run.id)
    world.tick(10)
    hub.poll()
    seen = hub.has(ref(run))
    assert seen is not None
    assert seen.status.state is State.QUEUED
    circle.nameless.clear()
    world.begin(run)
    world.finish(run)
    world.tick(10)
    hub.poll()
    assert hub.result(ref(run)) is Result.SUCCESS


def test_job_without_number(world: World, circle: CircleCI, hub: Hub) -> None:
    run = world.start(SHOP)
    world.begin(run)
    world.finish(run, Result.CANCELED)
    never = run.latest.jobs[1]
    never.started_at = None
    circle.words[identity("job", never.id)] = "not_run"
    world.tick(10)
    hub.poll()
    seen = hub.has(ref(run))
    assert seen is not None
    assert [stage.status.result for stage in seen.stages] == [Result.CANCELED, Result.SKIPPED]


def test_unauthorized_workflow(world: World, circle: CircleCI, hub: Hub) -> None:
    (run,) = ran(world)
    circle.words[circle.workflow_id(run)] = "unauthorized"
    hub.poll()
    assert hub.result(ref(run)) is Result.ERROR
    assert not hub.ledger.queries.open_instances("ci")


def test_failing_then_failed(world: World, hub: Hub) -> None:
    run = world.start(SHOP)
    world.begin(run)
    job = run.latest.jobs[0]
    job.state, job.result, job.finished_at = State.FINISHED, Result.FAILURE, world.now
    world.tick(10)
    hub.poll()
    seen = hub.has(ref(run))
    assert seen is not None
    assert (seen.status.state, seen.status.provisional) == (State.RUNNING, Result.FAILURE)
    world.finish(run, Result.FAILURE)
    world.tick(10)
    hub.poll()
    assert hub.result(ref(run)) is Result.FAILURE


def test_new_unknown_status_word(world: World, circle: CircleCI, hub: Hub) -> None:
    (run,) = ran(world)
    circle.words[circle.workflow_id(run)] = "sublimated"
    hub.poll()
    assert hub.result(ref(run)) is Result.UNKNOWN


def test_dynamic_configuration_adds_workflows(world: World, circle: CircleCI, hub: Hub) -> None:
    run = world.start(SHOP)
    circle.bare.add(run.id)
    circle.states[run.id] = "setup-pending"
    world.tick(10)
    hub.poll()
    circle.bare.clear()
    circle.states[run.id] = "setup"
    world.begin(run)
    world.tick(30)
    hub.poll()
    world.finish(run)
    world.rerun(run)
    world.begin(run)
    circle.states[run.id] = "created"
    world.tick(10)
    hub.poll()
    world.finish(run)
    world.tick(10)
    hub.poll()
    assert [hub.result(ref(run, attempt)) for attempt in (1, 2)] == [Result.SUCCESS] * 2


def test_a_configuration_error_is_a_build_with_its_reason(world: World, circle: CircleCI, hub: Hub) -> None:
    run = world.start(SHOP)
    circle.bare.add(run.id)
    circle.states[run.id] = "errored"
    circle.errors[run.id] = [{"type": "config", "message": "no such orb"}]
    world.tick(10)
    hub.poll()
    seen = hub.has(ref(run))
    assert seen is not None
    assert (seen.status.result, seen.status.reason) == (Result.ERROR, "no such orb")


def test_an_open_build_that_expires_is_closed(world: World, hub: Hub) -> None:
    run = world.start(SHOP)
    world.wait(run)
    world.tick(10)
    hub.poll()
    world.tick(95 * 86_400)
    world.delete(run)
    for _ in range(3):
        hub.poll()
        hub.ledger.store.retry("ci")
    assert hub.result(ref(run)) is Result.UNKNOWN


@pytest.mark.parametrize("times", [2])
def test_duplicate_and_out_of_order_webhooks(world: World, circle: CircleCI, hub: Hub, times: int) -> None:
    (run,) = ran(world)
    world.rerun(run)
    world.begin(run)
    world.finish(run, Result.FAILURE)
    world.tick(10)
    body = json.dumps(
        {
            "id": "delivery-1",
            "type": "workflow-completed",
            "project": {"slug": "github/acme/shop"},
            "pipeline": {"id": identity("pipeline", run.id)},
            "workflow": {"id": circle.workflow_id(run, 2), "status": "failed"},
        }
    ).encode()
    sign = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    sent = Webhook({"circleci-signature": f"v1={sign}"}, body)
    told = [receive("ci", hub.adapter, hub.ledger, sent) for _ in range(times)]
    assert [one.status for one in told] == [Reception.TAKEN, Reception.DUPLICATE]
    hub.poll()
    assert (hub.result(ref(run)), hub.result(ref(run, 2))) == (Result.SUCCESS, Result.FAILURE)


def test_webhook_lost(world: World, hub: Hub) -> None:
    """Nothing depends on one: what ran meanwhile is found all the same."""
    hub.poll()
    runs = ran(world, count=3)
    hub.poll()
    assert {hub.result(ref(run)) for run in runs} == {Result.SUCCESS}


def test_every_attempt_is_recorded_once(world: World, hub: Hub) -> None:
    runs = ran(world, count=4)
    for run in runs[:2]:
        world.rerun(run)
        world.begin(run)
        world.tick(5)
        world.finish(run, Result.FAILURE)
    world.tick(60)
    for _ in range(3):
        hub.poll()
    assert len(hub.ledger.queries.objects(Kind.BUILD_INSTANCE)) == 6
    known = [hub.result(ref(run, attempt)) for run in runs for attempt in (1, 2, 3)]
    expected = [Result.SUCCESS, Result.FAILURE, None] * 2 + [Result.SUCCESS, None, None] * 2
    assert known == expected


FAULTS: dict[str, dict[str, Any]] = {
    "broken": {"status": 500},
    "limited": {"status": 429, "headers": {"Retry-After": "1"}},
    "cut": {"cut": 3},
    "login page": {"status": 200, "body": "<html>log in</html>"},
    "list": {"status": 200, "body": "[]"},
    "empty": {"status": 200, "body": "{}"},
    "gone": {"status": 404},
}


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_loses_a_build(world: World, circle: CircleCI, hub: Hub, name: str) -> None:
    """One bad answer to each kind of request, one after the other; in the end the ledger has everything."""
    hub.poll()
    runs = []
    for path in ("/workflow", "/job", "/pipeline/", "/jobs/", "search", "/acme/shop"):
        runs += ran(world)
        circle.fail(path, **FAULTS[name])
        with contextlib.suppress(AdapterError):
            hub.poll()
        circle.faults.clear()
        world.tick(60)
        hub.ledger.store.retry("ci")
        hub.poll()
        hub.ledger.store.retry("ci")
        hub.poll()
    assert {hub.result(ref(run)) for run in runs} == {Result.SUCCESS}
    assert all(len(seen.stages) == 2 for run in runs if (seen := hub.has(ref(run))))
