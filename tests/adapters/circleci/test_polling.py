"""Finding builds: what is new, what runs again, what is added later; and what that costs in requests."""

import json
from datetime import timedelta

import pytest

from pipemgr.adapter import AuthenticationFailed, RateLimited, Unreachable
from pipemgr.model.runs import BuildRef
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import World
from pipemgr_circleci import CircleCIAdapter

from .conftest import SHOP, ZOO, Connect, cycle, found, ran, ref


@pytest.mark.parametrize(("api", "requests"), [("v3", 2), ("v2", 6)])
def test_a_cycle_in_which_nothing_happened_costs(
    world: World, circle: CircleCI, connect: Connect, api: str, requests: int
) -> None:
    """Three projects: two requests together by API v3, two each by API v2."""
    slugs = [SHOP, ZOO, "gh/acme/bar"]
    adapter = connect(api=api, projects=slugs)
    for slug in slugs:
        ran(world, slug, count=5)
    _, cursor = cycle(adapter)
    world.tick(600)
    _, cursor = cycle(adapter, cursor)
    before = len(circle.calls)
    pages, _ = cycle(adapter, cursor)
    assert found(pages) == set()
    assert len(circle.asked(before)) == requests


def test_what_is_new_since_is_found_over_many_pages(world: World, adapter: CircleCIAdapter) -> None:
    old = ran(world, count=3)
    pages, cursor = cycle(adapter)
    assert found(pages) == {ref(run) for run in old}
    new = ran(world, count=55)
    pages, cursor = cycle(adapter, cursor)
    assert {ref(run) for run in new} <= found(pages) <= {ref(run) for run in old + new}
    assert len(pages) >= 3
    world.tick(600)
    _, cursor = cycle(adapter, cursor)  # the last look at those that may get more workflows
    assert found(cycle(adapter, cursor)[0]) == set()


def test_the_first_look_goes_back_one_day_only(world: World, adapter: CircleCIAdapter) -> None:
    ran(world, count=30)
    world.tick(2 * 86_400)
    today = ran(world, count=2)
    assert found(cycle(adapter)[0]) == {ref(run) for run in today}


def test_the_first_look_finds_an_old_pipeline_that_still_runs(world: World, connect: Connect) -> None:
    adapter = connect(api="v3")
    run = world.start(SHOP)
    world.begin(run)
    world.tick(3 * 86_400)
    assert found(cycle(adapter)[0]) == {ref(run)}


@pytest.mark.parametrize("later", [0, 25])
def test_rerun_29_days_later(world: World, adapter: CircleCIAdapter, later: int) -> None:
    """It goes on while polls come by. Behind 25 newer pipelines it is on no first page."""
    (run,) = ran(world)
    _, cursor = cycle(adapter)
    world.tick(29 * 86_400)
    ran(world, count=later)
    _, cursor = cycle(adapter, cursor)
    world.tick(600)
    world.rerun(run)
    world.begin(run)
    seen: set[BuildRef] = set()
    for _ in range(4):
        world.tick(60)
        pages, cursor = cycle(adapter, cursor)
        seen |= found(pages)
    assert ref(run, 2) in seen


@pytest.mark.parametrize("api", ["v2"])
def test_a_rerun_that_began_and_ended_between_two_looks_is_found_by_its_jobs(
    world: World, connect: Connect, api: str
) -> None:
    adapter = connect(api=api)
    (run,) = ran(world)
    _, cursor = cycle(adapter)
    ran(world, count=40)
    _, cursor = cycle(adapter, cursor)
    world.tick(29 * 86_400)
    world.rerun(run)
    world.begin(run)
    world.tick(30)
    world.finish(run)
    world.tick(30)
    assert ref(run, 2) in found(cycle(adapter, cursor)[0])


def test_dynamic_configuration_adds_a_workflow_later(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    run = world.start(SHOP)
    circle.states[run.id] = "setup"
    world.begin(run)
    world.tick(60)
    pages, cursor = cycle(adapter)
    assert found(pages) == {ref(run)}
    world.finish(run)
    world.rerun(run)  # the workflow that the setup made
    circle.states[run.id] = "created"
    world.tick(30)
    pages, cursor = cycle(adapter, cursor)
    assert ref(run, 2) in found(pages)


def test_a_pipeline_without_workflows_is_one_attempt(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    run = world.start(SHOP)
    circle.bare.add(run.id)
    circle.states[run.id] = "errored"
    circle.errors[run.id] = [{"type": "config", "message": "no such orb"}]
    world.tick(10)
    assert found(cycle(adapter)[0]) == {ref(run)}


def test_circleci_pipeline_whose_workflow_endpoint_always_returns_500(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    first, bad, last = ran(world, count=3)
    circle.broken.add(bad.id)
    pages, cursor = cycle(adapter)
    assert found(pages) == {ref(first), ref(last)}
    assert [one.ref for page in pages for one in page.unread] == [ref(bad)]
    (new,) = ran(world)
    pages, _ = cycle(adapter, cursor)
    assert ref(new) in found(pages)


def test_workflow_id_null_is_no_attempt_yet(world: World, circle: CircleCI, adapter: CircleCIAdapter) -> None:
    run = world.start(SHOP)
    circle.nameless.add(run.id)
    world.tick(10)
    pages, cursor = cycle(adapter)
    assert found(pages) == {ref(run)}
    circle.nameless.clear()
    world.rerun(run)
    world.tick(10)
    pages, _ = cycle(adapter, cursor)
    assert found(pages) == {ref(run), ref(run, 2)}


def test_attempts_of_one_second_are_counted_when_the_second_is_over(
    world: World, adapter: CircleCIAdapter
) -> None:
    (run,) = ran(world)
    world.rerun(run)
    world.tick(1)
    pages, cursor = cycle(adapter)
    assert found(pages) == {ref(run)}
    world.tick(5)
    pages, _ = cycle(adapter, cursor)
    assert ref(run, 2) in found(pages)


def test_an_old_rerun_of_this_second_is_not_forgotten(world: World, adapter: CircleCIAdapter) -> None:
    """Its job is new now, and its workflow too young to be counted: it is at the next look."""
    (run,) = ran(world)
    _, cursor = cycle(adapter)
    world.tick(29 * 86_400)
    ran(world, count=2)
    for _ in range(2):
        world.tick(300)
        _, cursor = cycle(adapter, cursor)
    world.rerun(run)
    world.begin(run)
    world.tick(1)
    pages, cursor = cycle(adapter, cursor)
    assert ref(run, 2) not in found(pages)
    world.tick(60)
    assert ref(run, 2) in found(cycle(adapter, cursor)[0])


@pytest.mark.parametrize("path", ["/api/v1.1/project/gh/acme/shop", "/api/v2/workflow/"])
def test_what_only_old_reruns_need_may_fail(
    world: World, circle: CircleCI, connect: Connect, path: str
) -> None:
    adapter = connect(api="v2")
    (old,) = ran(world)
    _, cursor = cycle(adapter)
    world.tick(600)
    _, cursor = cycle(adapter, cursor)
    world.rerun(old)
    world.begin(old)
    new = ran(world, count=2)
    circle.fail(path, status=500, times=1)
    pages, _ = cycle(adapter, cursor)
    assert {ref(run) for run in new} <= found(pages)


def test_a_project_that_is_gone_stops_no_other(world: World, circle: CircleCI, connect: Connect) -> None:
    runs = ran(world) + ran(world, ZOO)
    circle.absent = {"gh/acme/gone"}
    for api in ("v3", "v2"):
        adapter = connect(api=api, projects=["gh/acme/gone", SHOP, ZOO])
        pages, cursor = cycle(adapter)
        assert found(pages) == {ref(run) for run in runs}
        assert {gap.pipeline for page in pages for gap in page.gaps} == {"gh/acme/gone"}
    pages, _ = cycle(adapter, cursor)
    assert found(pages) <= {ref(run) for run in runs}


def test_a_server_that_is_down_is_said_so(circle: CircleCI, adapter: CircleCIAdapter) -> None:
    circle.fail(status=502, times=100)
    with pytest.raises(Unreachable, match="502"):
        cycle(adapter)


def test_a_limit_says_how_long_to_wait(world: World, circle: CircleCI, adapter: CircleCIAdapter) -> None:
    ran(world)
    circle.fail(status=429, headers={"Retry-After": "37"}, times=1)
    with pytest.raises(RateLimited) as told:
        cycle(adapter)
    assert told.value.retry_after == 37


def test_a_limit_in_the_middle_loses_nothing(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    runs = ran(world, count=3)
    circle.fail("/workflow", status=429, headers={"Retry-After": "5"}, times=1)
    with pytest.raises(RateLimited):
        cycle(adapter)
    assert found(cycle(adapter)[0]) == {ref(run) for run in runs}


def test_a_revoked_token_is_said_so(circle: CircleCI, adapter: CircleCIAdapter) -> None:
    circle.token = "another"
    with pytest.raises(AuthenticationFailed):
        cycle(adapter)


def test_no_list_of_jobs_costs_only_the_old_reruns(world: World, circle: CircleCI, connect: Connect) -> None:
    circle.older_jobs = False
    adapter = connect(api="v2")
    (run,) = ran(world)
    pages, cursor = cycle(adapter)
    assert found(pages) == {ref(run)}
    new = ran(world, count=2)
    assert {ref(one) for one in new} <= found(cycle(adapter, cursor)[0])


def test_a_place_in_a_list_that_is_forgotten_is_found_again(
    world: World, circle: CircleCI, connect: Connect
) -> None:
    runs = ran(world, count=45)
    for api, path in (("v3", "/runs/search"), ("v2", "/acme/shop/pipeline")):
        adapter = connect(api=api)
        page = adapter.poll({})
        circle.fail(path, status=400, times=1)
        pages, _ = cycle(adapter, page.cursor)
        assert {ref(run) for run in runs} == found([page, *pages])


def test_the_cursor_stays_small(world: World, adapter: CircleCIAdapter) -> None:
    ran(world, count=150)
    _, cursor = cycle(adapter)
    for _ in range(3):
        ran(world, count=60)
        _, cursor = cycle(adapter, cursor)
    assert len(json.dumps(cursor)) < 16_000


def test_the_walk_finds_every_attempt_of_every_project(world: World, connect: Connect) -> None:
    early = ran(world, count=3)
    world.tick(86_400)
    runs = ran(world, count=30) + ran(world, ZOO, count=2)
    world.rerun(runs[4])
    world.begin(runs[4])
    world.finish(runs[4])
    world.tick(60)
    for api in ("v3", "v2"):
        adapter = connect(api=api, projects=[SHOP, ZOO])
        since = runs[0].created_at - timedelta(hours=1)
        pages = [adapter.history({}, since)]
        while pages[-1].more:
            pages.append(adapter.history(pages[-1].cursor, since))
        assert found(pages) == {ref(run) for run in runs} | {ref(runs[4], 2)}
        assert not found(pages) & {ref(run) for run in early}


def test_an_expired_pipeline_is_passed_over(world: World, circle: CircleCI, connect: Connect) -> None:
    """Its row may still be listed when its workflows are 404."""
    adapter = connect(api="v2")
    run, other = ran(world, count=2)
    circle.fail(f"/pipeline/{identity('pipeline', run.id)}", status=404, times=2)
    assert found(cycle(adapter)[0]) == {ref(other)}


def test_a_row_that_is_none_stops_no_other_and_no_page(
    world: World, circle: CircleCI, connect: Connect
) -> None:
    adapter = connect(api="v3")
    told = ran(world)
    _, cursor = cycle(adapter)
    lies = ["no run", {"id": "x", "attributes": 3, "references": "none"}]
    circle.fail("/runs/search", status=200, body=json.dumps({"data": lies, "page": "none"}))
    pages, cursor = cycle(adapter, cursor)
    assert not any(page.unread for page in pages)
    (newer,) = ran(world)
    assert ref(newer) in found(cycle(adapter, cursor)[0])
    assert ref(told[0]) != ref(newer)
