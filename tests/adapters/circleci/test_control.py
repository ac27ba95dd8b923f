"""Starting, cancelling, repeating, approving: each says exactly which build or attempt came of it."""

import json

import pytest

from pipemgr.adapter import AuthenticationFailed, NotFound, Refused, Unreachable, UnsupportedCapability
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import World
from pipemgr_circleci import CircleCIAdapter

from .conftest import SHOP, TOKEN, ZOO, Connect, ran, ref


def test_a_probe_says_who_we_are(adapter: CircleCIAdapter) -> None:
    told = adapter.probe()
    assert (told.name, told.identity) == ("CircleCI", "ada")
    assert told.version in ("API v3, v2", "API v2, v1.1")


def test_a_server_without_v3_is_no_place_for_v3(circle: CircleCI, connect: Connect) -> None:
    circle.cloud = False
    with pytest.raises(NotFound):
        connect(api="v3").probe()
    assert connect(api="auto").probe().version == "API v2, v1.1"


def test_a_wrong_token_is_said_so_and_not_shown(circle: CircleCI, adapter: CircleCIAdapter) -> None:
    circle.token = "another"
    with pytest.raises(AuthenticationFailed) as told:
        adapter.probe()
    assert TOKEN not in str(told.value)


def test_projects_that_are_watched_or_followed_are_pipelines(world: World, adapter: CircleCIAdapter) -> None:
    world.start(ZOO)
    assert adapter.pipelines() == (SHOP, ZOO)


def test_a_start_says_which_build_it_became(world: World, circle: CircleCI, adapter: CircleCIAdapter) -> None:
    ran(world)
    started = adapter.start("github/acme/shop", {"git.branch": "next", "target": "live", "dry": True})
    run = world.runs[-1]
    assert started == ref(run)
    assert (run.branch, run.parameters) == ("next", {"target": "live", "dry": True})
    assert adapter.snapshot(started).build.number == run.number


def test_an_opaque_project_starts_its_only_definition(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    slug = "circleci/8fY2kQ/Rq71Za"
    started = adapter.start(slug, {"git.branch": "next"})
    body = json.loads(circle.calls[-1].body)
    assert started == BuildRef(pipeline=slug, build=identity("pipeline", world.runs[-1].id))
    assert body == {
        "definition_id": circle.definitions[0]["id"],
        "config": {"branch": "next"},
        "checkout": {"branch": "next"},
        "parameters": {},
    }
    circle.definitions.append({"id": "another", "name": "nightly"})
    with pytest.raises(Refused, match="nightly"):
        adapter.start(slug, {})
    assert adapter.start(slug, {"pipeline.definition": "another"}).pipeline == slug


def test_a_start_that_can_not_be_known_of_is_not_repeated(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    circle.fail(method="POST", lost=True)
    with pytest.raises(Unreachable):
        adapter.start(SHOP, {})
    assert len(world.runs) == 1


@pytest.mark.parametrize("failed_only", [True, False])
def test_a_rerun_is_the_newest_attempt_of_the_same_build(
    world: World, circle: CircleCI, adapter: CircleCIAdapter, failed_only: bool
) -> None:
    (run,) = ran(world)
    again = adapter.rerun(ref(run), failed_only=failed_only)
    assert again == ref(run, 2)
    post = next(call for call in circle.calls if call.path.endswith("/rerun"))
    assert json.loads(post.body) == {"from_failed": failed_only}
    assert adapter.snapshot(again).external_id == circle.workflow_id(run, 2)
    world.tick(1)
    assert adapter.rerun(ref(run)) == ref(run, 3)


def test_a_pipeline_of_100_days_ago_is_not_executed_again(world: World, adapter: CircleCIAdapter) -> None:
    (run,) = ran(world)
    world.tick(100 * 86_400)
    with pytest.raises(Refused, match="too old"):
        adapter.rerun(ref(run))


def test_a_cancel_ends_a_build(world: World, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    world.begin(run)
    adapter.cancel(ref(run))
    assert adapter.snapshot(ref(run)).status.result is Result.CANCELED
    adapter.cancel(ref(run))


def test_an_approval_lets_a_build_go_on(world: World, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    world.wait(run)
    with pytest.raises(UnsupportedCapability) as told:
        adapter.approve(ref(run), "hold", accept=False)
    assert "cancel" in str(told.value.remedy)
    with pytest.raises(NotFound):
        adapter.approve(ref(run), "build")
    adapter.approve(ref(run), "hold")
    seen = adapter.snapshot(ref(run))
    hold = next(stage for stage in seen.stages if stage.name == "hold")
    assert (seen.status.state, hold.status.result) == (State.RUNNING, Result.SUCCESS)
    with pytest.raises(NotFound):
        adapter.approve(ref(run), "hold")


def test_what_has_no_workflow_can_not_run_again(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    run = world.start(SHOP)
    circle.bare.add(run.id)
    with pytest.raises(Refused, match="no workflow"):
        adapter.rerun(ref(run))
