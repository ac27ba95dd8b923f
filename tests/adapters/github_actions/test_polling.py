"""Polling finds every attempt, and asks once when nothing happened."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipemgr.adapter import AuthenticationFailed, PollPage, RateLimited, Refused, Retryable, Unreachable
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result
from pipemgr.testing.fakes.github import GitHub
from pipemgr.testing.fakes.world import Run, World
from pipemgr_github_actions import GitHubActionsAdapter
from pipemgr_github_actions.builds import moment

from .conftest import Connect

CI = "acme/shop:ci.yml"


def ran(world: World, pipeline: str = CI, count: int = 1, seconds: float = 60) -> list[Run]:
    runs = []
    for _ in range(count):
        world.tick(seconds)
        run = world.start(pipeline)
        world.begin(run)
        world.finish(run)
        runs.append(run)
    return runs


def cycle(adapter: GitHubActionsAdapter, cursor: Any = None) -> tuple[list[PollPage], Any]:
    pages = [adapter.poll(cursor or {})]
    while pages[-1].more:
        assert pages[-1].cursor != cursor
        cursor = pages[-1].cursor
        pages.append(adapter.poll(cursor))
    return pages, pages[-1].cursor


def found(pages: list[PollPage]) -> set[BuildRef]:
    return {ref for page in pages for ref in page.seen}


def refs(runs: list[Run]) -> set[BuildRef]:
    return {
        BuildRef(pipeline=run.pipeline, build=str(run.id), attempt=one.number)
        for run in runs
        for one in run.attempts
    }


def test_a_cycle_in_which_nothing_happened_costs_one_request_that_is_free(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    ran(world, count=30)
    _, cursor = cycle(adapter)
    before, spent = len(github.calls), github.spent
    pages, again = cycle(adapter, cursor)
    assert [call.status for call in github.asked(before)] == [304]
    assert github.spent == spent
    assert found(pages) == set()
    assert again == cursor


def test_what_is_new_since_is_found_over_many_pages(world: World, adapter: GitHubActionsAdapter) -> None:
    ran(world, count=5)
    _, cursor = cycle(adapter)
    fresh = ran(world, count=350, seconds=1)
    pages, cursor = cycle(adapter, cursor)
    assert found(pages) >= refs(fresh)
    assert len(pages) == 4
    assert cycle(adapter, cursor)[0][0].seen == ()


def test_a_run_in_progress_is_found_and_so_is_its_end(world: World, adapter: GitHubActionsAdapter) -> None:
    world.tick()
    run = world.start(CI)
    world.begin(run)
    pages, cursor = cycle(adapter)
    (ref,) = refs([run])
    assert found(pages) == {ref}
    assert not adapter.snapshot(ref).status.finished
    world.tick(30)
    world.finish(run)
    pages, _ = cycle(adapter, cursor)
    assert found(pages) == {ref}
    assert adapter.snapshot(ref).status.result is Result.SUCCESS


def test_a_rerun_among_the_newest_hundred_changes_the_page(
    world: World, adapter: GitHubActionsAdapter
) -> None:
    run, *_ = ran(world, count=50)
    _, cursor = cycle(adapter)
    world.tick(10)
    world.rerun(run)
    pages, _ = cycle(adapter, cursor)
    assert BuildRef(pipeline=CI, build=str(run.id), attempt=2) in found(pages)


def test_a_rerun_29_days_later_is_seen_while_it_goes_on(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    run, *_ = ran(world)
    world.tick(20 * 86_400)
    ran(world, count=150)
    _, cursor = cycle(adapter)
    world.tick(9 * 86_400 - 150 * 60)
    github.filters_broken = {"waiting"}  # as it has been before
    world.rerun(run)
    before = len(github.calls)
    pages, cursor = cycle(adapter, cursor)
    assert found(pages) == {BuildRef(pipeline=CI, build=str(run.id), attempt=one) for one in (1, 2)}
    first, *sweep = github.asked(before)
    assert (first.status, first.query.get("status")) == (304, None)
    assert {call.query["status"] for call in sweep} >= {"queued", "in_progress", "pending", "requested"}
    world.tick(60)
    before = len(github.calls)
    assert cycle(adapter, cursor)[0][0].seen == ()
    assert len(github.asked(before)) == 1


def test_a_rerun_29_days_later_that_ended_unseen_is_found_by_the_walk(
    world: World, adapter: GitHubActionsAdapter
) -> None:
    run, *_ = ran(world)
    ran(world, count=150)
    world.tick(29 * 86_400)
    world.rerun(run)
    world.finish(run)
    refs_found = walk(adapter, since=world.now - timedelta(days=1))
    assert BuildRef(pipeline=CI, build=str(run.id), attempt=2) in refs_found
    assert len(refs_found) == 1


def walk(adapter: GitHubActionsAdapter, since: datetime) -> set[BuildRef]:
    page = adapter.history({}, since)
    pages = [page]
    while page.more:
        assert len(pages) < 500
        page = adapter.history(page.cursor, since)
        pages.append(page)
    return found(pages)


def test_the_walk_finds_every_attempt_in_windows(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    runs = ran(world, count=2500, seconds=1)
    runs += ran(world, "acme/shop:release.yml", count=10, seconds=86_400)
    for run in runs[::100]:
        world.rerun(run)
        world.finish(run)
    assert walk(adapter, since=world.now - timedelta(days=60)) == refs(runs)
    asked = [call for call in github.calls if "created" in call.query]
    assert len(asked) < 80


def test_more_than_1000_runs_in_one_second_are_a_gap(world: World, adapter: GitHubActionsAdapter) -> None:
    runs = ran(world, count=1200, seconds=0)
    gaps, page = [], adapter.history({}, world.now - timedelta(days=2))
    seen = set(page.seen)
    while page.more:
        page = adapter.history(page.cursor, world.now - timedelta(days=2))
        gaps += page.gaps
        seen |= set(page.seen)
    (gap,) = gaps
    assert (gap.expected, gap.found) == (1200, 1000)
    assert gap.since == gap.until == runs[0].created_at
    assert len(seen) == 1000


def test_the_first_look_goes_back_one_day_only(world: World, adapter: GitHubActionsAdapter) -> None:
    ran(world, count=300, seconds=3600)
    pages, _ = cycle(adapter)
    assert len(found(pages)) == 100
    assert len(pages) == 1


def test_one_broken_repository_stops_no_other(world: World, github: GitHub, connect: Connect) -> None:
    adapter = connect(repositories=["acme/shop", "acme/broken", "acme/gone", "acme/zoo"])
    good = ran(world, count=3) + ran(world, "acme/zoo:ci.yml", count=3)
    bad = ran(world, "acme/broken:ci.yml", count=3)
    github.fail("/repos/acme/broken/", status=500, times=1)
    github.absent = {"acme/gone"}
    pages, cursor = cycle(adapter)
    assert found(pages) == refs(good)
    assert [gap.pipeline for page in pages for gap in page.gaps] == ["acme/gone"]
    before = len(github.calls)
    pages, cursor = cycle(adapter, cursor)
    assert found(pages) == refs(bad)
    assert not [gap for page in pages for gap in page.gaps]
    assert not [call for call in github.asked(before) if "gone" in call.path]
    world.tick(700)
    github.absent = set()
    back = ran(world, "acme/gone:ci.yml")
    assert found(cycle(adapter, cursor)[0]) == refs(back)


def test_a_server_that_is_down_is_said_so(world: World, github: GitHub, connect: Connect) -> None:
    github.fail(status=502, times=100)
    with pytest.raises(Unreachable, match="502"):
        connect().poll({})
    with pytest.raises(Unreachable, match="502"):
        connect(repositories=[f"acme/r{one}" for one in range(30)]).poll({})


def test_many_repositories_are_looked_at_in_pages(world: World, github: GitHub, connect: Connect) -> None:
    names = [f"acme/r{one:02}" for one in range(50)]
    for name in names:
        ran(world, f"{name}:ci.yml")
    adapter = connect(repositories=["acme/*"])
    pages, cursor = cycle(adapter)
    assert found(pages) == refs(world.runs)
    assert len(pages) == 3
    before = len(github.calls)
    cycle(adapter, cursor)
    assert [call.status for call in github.asked(before)] == [304] * 50


def test_a_glob_takes_in_new_repositories_and_drops_old_ones(
    world: World, github: GitHub, connect: Connect
) -> None:
    ran(world, "acme/lib-a:ci.yml")
    ran(world, "acme/other:ci.yml")
    adapter = connect(repositories=["acme/lib-*"])
    _, cursor = cycle(adapter)
    assert set(cursor["repositories"]) == {"acme/lib-a"}
    world.tick(601)
    ran(world, "acme/lib-b:ci.yml")
    _, cursor = cycle(adapter, cursor)  # from which the clock is known
    github.absent = {"acme/lib-a"}
    pages, cursor = cycle(adapter, cursor)
    assert {ref.pipeline for ref in found(pages)} == {"acme/lib-b:ci.yml"}
    assert set(cursor["repositories"]) == {"acme/lib-b"}


@pytest.mark.parametrize("headers", [{"Retry-After": "90"}, {"x-ratelimit-remaining": "0"}, {}])
def test_403_with_retry_after_is_no_real_403(
    github: GitHub, adapter: GitHubActionsAdapter, headers: dict[str, str]
) -> None:
    body = '{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'
    github.fail("/actions/runs", status=403, headers=headers, body=body)
    with pytest.raises(RateLimited) as caught:
        adapter.poll({})
    assert caught.value.retry_after == (90 if "Retry-After" in headers else pytest.approx(60))


def test_a_limit_in_the_middle_keeps_what_was_found(world: World, github: GitHub, connect: Connect) -> None:
    runs = ran(world, "acme/a:ci.yml", count=3)
    adapter = connect(repositories=["acme/a", "acme/b"])
    github.fail("/repos/acme/b/", status=429, headers={"Retry-After": "30"}, times=2)
    page = adapter.poll({})
    assert set(page.seen) == refs(runs)
    assert page.more
    with pytest.raises(RateLimited):
        adapter.poll(page.cursor)
    assert not adapter.poll(page.cursor).more


def test_a_revoked_token_is_said_so(github: GitHub, adapter: GitHubActionsAdapter) -> None:
    github.token = "another"
    with pytest.raises(AuthenticationFailed, match="Bad credentials"):
        adapter.poll({})


def test_a_token_that_was_renewed_is_taken_up(
    github: GitHub, adapter: GitHubActionsAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter.poll({})
    github.token = "renewed"
    monkeypatch.setenv("GITHUB_TOKEN", "renewed")
    with pytest.raises(AuthenticationFailed):
        adapter.poll({})
    monkeypatch.setattr("pipemgr_github_actions.adapter.FRESH", -1.0)
    assert adapter.poll({}).seen == ()


def test_a_list_that_ends_early_or_is_none_is_tried_again(
    github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    github.fail("/actions/runs", cut=20, times=5)
    with pytest.raises(Unreachable):
        adapter.poll({})
    github.faults.clear()
    github.fail("/actions/runs", status=200, body="<html>please log in</html>")
    with pytest.raises(Retryable, match="expected JSON"):
        adapter.poll({})
    github.fail("/actions/runs", status=200, body="[]")
    with pytest.raises(Retryable, match="no list"):
        adapter.poll({})


def test_a_repository_that_moved_is_followed_with_the_query(
    world: World, github: GitHub, connect: Connect
) -> None:
    runs = ran(world, "acme/new:ci.yml")
    place = f"{github.url}/repos/acme/new/actions/runs?per_page=100&exclude_pull_requests=true"
    github.fail("/repos/acme/shop/", status=301, headers={"Location": place})
    pages, _ = cycle(connect())
    assert {ref.build for ref in found(pages)} == {str(runs[0].id)}


def test_no_token_goes_to_another_host(github: GitHub, adapter: GitHubActionsAdapter) -> None:
    github.fail("/repos/", status=301, headers={"Location": "http://127.0.0.2:1/steal"})
    with pytest.raises(Refused, match="another host"):
        adapter.poll({})


def test_the_cursor_stays_small(world: World, connect: Connect) -> None:
    for count in range(10):
        ran(world, f"acme/r{count}:ci.yml", count=120)
    _, cursor = cycle(connect(repositories=["acme/*"]))
    assert len(json.dumps(cursor)) < 10 * 1000


@pytest.mark.parametrize(
    "lie", [{"id": None}, {"id": "x"}, {"run_attempt": "x"}, {"run_attempt": 10**9}, {"run_attempt": [1]}]
)
def test_a_run_that_can_not_be_named_stops_no_other_repository(
    world: World, github: GitHub, connect: Connect, lie: dict[str, Any]
) -> None:
    adapter = connect(repositories=["acme/shop", "acme/zoo"])
    told, others = ran(world), ran(world, "acme/zoo:ci.yml")
    run = {"id": 1, "path": ".github/workflows/ci.yml", "created_at": "2026-11-01T08:00:00Z"} | lie
    github.fail("/repos/acme/shop", status=200, body=json.dumps({"total_count": 1, "workflow_runs": [run]}))
    pages, cursor = cycle(adapter)
    assert found(pages) == refs(others)
    assert found(cycle(adapter, cursor)[0]) == refs(told)


def test_a_time_beyond_all_years_is_none() -> None:
    assert moment("9999-12-31T23:59:59-12:00") is None


def test_a_row_that_is_none_stops_no_other(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    told = ran(world)
    real = {
        "id": told[0].id,
        "path": ".github/workflows/ci.yml",
        "created_at": "2026-11-01T08:00:00Z",
        "run_attempt": 1,
    }
    body = json.dumps({"total_count": 2, "workflow_runs": ["no run", real]})
    github.fail("/actions/runs", status=200, body=body)
    assert found(cycle(adapter)[0]) == refs(told[:1])


def test_a_place_that_is_refused_is_told_and_forgotten(
    world: World, github: GitHub, connect: Connect
) -> None:
    adapter = connect(repositories=["acme/shop", "acme/zoo"])
    told = ran(world)
    place = {"next": f"{github.url}/repos/acme/shop/actions/runs?page=9", "page": 8}
    github.fail("/repos/acme/shop", status=422)
    pages, cursor = cycle(adapter, {"repositories": {"acme/shop": place}})
    (problem,) = (one for page in pages for one in page.problems)
    assert problem.startswith("acme/shop can't be read now")
    assert "next" not in cursor["repositories"]["acme/shop"]
    assert found(cycle(adapter, cursor)[0]) == refs(told)
