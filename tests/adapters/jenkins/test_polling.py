"""Polling: every build is found once, whatever happened in between, with few requests."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pipemgr.adapter import AuthenticationFailed, NotFound, Retryable, Unreachable
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr.testing.fakes.world import Run, World
from pipemgr_jenkins.jobs import Job, Row, row, walk

Make = Callable[..., Any]


def built(world: World, pipeline: str, result: Result = Result.SUCCESS) -> Run:
    """A build from its start to its end."""
    run = world.start(pipeline)
    world.begin(run)
    world.tick(2)
    world.finish(run, result)
    world.tick()
    return run


def test_a_cycle_in_which_nothing_happened_costs_one_request(jenkins: Make) -> None:
    ci = jenkins()
    for name in ("a", "team/b", "team/deep/c", "mb/feature%2Fx"):
        built(ci.world, name)
    assert len(ci.poll()) == 4
    before = len(ci.fake.calls)
    assert ci.poll() == []
    assert ci.asked(before) == ["GET /api/json"]


def test_one_new_build_of_a_job_costs_no_more_than_that(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    ci.poll()
    built(ci.world, "a")
    before = len(ci.fake.calls)
    assert ci.numbers() == [2]
    assert ci.asked(before) == ["GET /api/json"]


def test_folders_deeper_than_one_request_are_asked_on_their_own(jenkins: Make) -> None:
    ci = jenkins()
    deep = "/".join(f"f{level}" for level in range(13)) + "/job"
    built(ci.world, deep)
    before = len(ci.fake.calls)
    (ref,) = ci.poll()
    assert ref.pipeline == deep
    assert sum(path.endswith("/api/json") for path in ci.asked(before)) == 5
    assert ci.adapter.pipelines() == (deep,)


def test_a_branch_with_a_slash_is_found_and_looked_at(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "mb/feature%2Fx")
    before = len(ci.fake.calls)
    build = ci.look()
    assert build.build.pipeline == "mb/feature%2Fx"
    assert "GET /job/mb/job/feature%2Fx/1/api/json" in ci.asked(before)  # as it is after one decoding


def test_101_builds_between_polls(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    ci.poll()
    for _ in range(101):
        built(ci.world, "a")
    assert ci.numbers() == list(range(2, 103))
    assert ci.poll() == []


def test_more_changed_jobs_than_a_page_holds(jenkins: Make) -> None:
    ci = jenkins()
    for place in range(120):
        built(ci.world, f"job{place:03}")
    assert len({ref.pipeline for ref in ci.poll()}) == 120


def test_what_is_old_is_left_to_the_walk_but_what_is_open_is_not(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "old")
    long = ci.world.start("long")
    ci.world.begin(long)
    ci.world.tick(3 * 86_400)
    built(ci.world, "new")
    assert {ref.pipeline for ref in ci.poll()} == {"long", "new"}


def test_a_queued_build_is_found_when_it_begins(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    ci.poll()
    run = ci.world.start("a")
    assert ci.poll() == []
    ci.world.begin(run)
    assert ci.numbers() == [2]


def test_in_progress_at_poll_then_success(jenkins: Make) -> None:
    ci = jenkins()
    run = ci.world.start("a")
    ci.world.begin(run)
    build = ci.look()
    assert (build.status.state, build.finished_at) == (State.RUNNING, None)
    ci.world.tick(5)
    ci.world.finish(run)
    after = ci.adapter.snapshot(build.ref)
    assert after.status.result is Result.SUCCESS
    assert after.finished_at == ci.world.now
    assert after.ref == build.ref


def test_numbers_that_begin_anew_lose_and_mix_nothing(jenkins: Make) -> None:
    ci = jenkins()
    for _ in range(3):
        built(ci.world, "a")
    old = ci.poll()
    ci.fake.reset("a")
    for _ in range(2):
        built(ci.world, "a", Result.FAILURE)
    new = ci.poll()
    assert [ref.build.partition("-")[0] for ref in new] == ["1", "2"]
    assert not {ref.build for ref in old} & {ref.build for ref in new}
    assert ci.adapter.snapshot(new[0]).status.result is Result.FAILURE
    for ref in old:
        with pytest.raises(NotFound):
            ci.adapter.snapshot(ref)
        with pytest.raises(NotFound):
            ci.adapter.logs(ref, "build", 0)
        with pytest.raises(NotFound):
            ci.adapter.cancel(ref)


def test_a_number_alone_names_whichever_build_has_it(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    build = ci.adapter.snapshot(BuildRef(pipeline="a", build="1"))
    assert (build.build.number, build.external_id) == (1, "1")


@pytest.mark.parametrize("name", ["x", "1-2-3", "-1", "", "99999999999999999999"])
def test_what_is_no_number_names_no_build(jenkins: Make, name: str) -> None:
    ci = jenkins()
    built(ci.world, "a")
    with pytest.raises(NotFound):
        ci.adapter.snapshot(BuildRef(pipeline="a", build=name))


def test_a_renamed_job_does_not_tell_its_builds_twice(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    open_run = ci.world.start("a")
    ci.world.begin(open_run)
    assert ci.numbers() == [1, 2]
    ci.fake.rename("a", "team/b")
    assert [(ref.pipeline, ref.build.partition("-")[0]) for ref in ci.poll()] == [("team/b", "2")]
    ci.world.finish(open_run)
    built(ci.world, "team/b")
    assert ci.numbers() == [3]


def test_a_folder_that_can_not_be_seen_for_a_while_is_not_told_anew(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "team/a")
    built(ci.world, "b")
    ci.poll()
    hidden = [run for run in ci.world.runs if run.pipeline == "team/a"]
    ci.fake.jobs.discard("team/a")
    ci.world.runs[:] = [run for run in ci.world.runs if run not in hidden]
    assert ci.poll() == []
    ci.world.runs += hidden
    built(ci.world, "team/a")
    assert [(ref.pipeline, ref.build.partition("-")[0]) for ref in ci.poll()] == [("team/a", "2")]


def test_builds_that_were_removed_before_they_were_read_are_a_gap(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    ci.poll()
    lost = [built(ci.world, "a") for _ in range(3)]
    ci.fake.number(lost[0])
    for run in lost[:2]:
        ci.world.delete(run)
    built(ci.world, "a")
    page = ci.adapter.poll(ci.cursor)
    (gap,) = page.gaps
    assert (gap.pipeline, gap.expected, gap.found) == ("a", 4, 2)
    assert len(page.seen) == 2


def test_removing_the_newest_build_is_no_news(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    newest = built(ci.world, "a")
    ci.poll()
    ci.world.delete(newest)
    assert ci.poll() == []
    built(ci.world, "a")
    assert ci.numbers() == [3]


def test_only_watched_jobs_are_told(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "team/a")
    built(ci.world, "other/b")
    ci.adapter = ci.make(watch=["team/*"])
    assert [ref.pipeline for ref in ci.poll()] == ["team/a"]
    assert ci.adapter.pipelines() == ("team/a",)


# The walk ----------------------------------------------------------------------------------------------


def walked(ci: Any, days: float) -> list[BuildRef]:
    found: list[BuildRef] = []
    cursor: Any = {}
    for _ in range(200):
        page = ci.adapter.history(cursor, ci.world.now - timedelta(days=days))
        found += page.seen
        cursor = page.cursor
        if not page.more:
            return found
    raise AssertionError("the walk does not end")


def test_the_walk_tells_everything_since_a_date(jenkins: Make) -> None:
    ci = jenkins()
    for _ in range(5):
        built(ci.world, "a")
    ci.world.tick(10 * 86_400)
    for name in ("a", "b", "c"):
        built(ci.world, name)
    assert len(walked(ci, 5)) == 3
    assert len(walked(ci, 30)) == 8


def test_the_walk_tells_the_same_builds_as_polling(jenkins: Make) -> None:
    ci = jenkins()
    for _ in range(650):
        run = ci.world.start("busy")
        ci.world.begin(run)
        ci.world.finish(run)
        ci.world.tick()
    built(ci.world, "zz")
    assert set(walked(ci, 1)) == set(ci.poll())
    assert len(walked(ci, 1)) == 651


def test_builds_that_go_while_the_walk_is_half_way_hide_no_other(jenkins: Make) -> None:
    ci = jenkins()
    runs = []
    for _ in range(700):
        run = ci.world.start("busy")
        ci.world.begin(run)
        ci.world.finish(run)
        ci.world.tick()
        runs.append(run)
    since = ci.world.now - timedelta(days=1)
    first = ci.adapter.history({}, since)
    assert first.more
    for run in runs[-30:]:
        ci.world.delete(run)
    rest = ci.adapter.history(first.cursor, since)
    found = {*first.seen, *rest.seen}
    while rest.more:
        rest = ci.adapter.history(rest.cursor, since)
        found |= set(rest.seen)
    assert {int(ref.build.partition("-")[0]) for ref in found} == set(range(1, 701))


# Trouble -----------------------------------------------------------------------------------------------


def test_a_restart_is_trouble_that_passes(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    ci.poll()
    ci.fake.restart()
    for _ in range(2):
        with pytest.raises(Retryable):
            ci.poll()
    assert ci.poll() == []
    built(ci.world, "a")
    assert ci.numbers() == [2]


def test_a_first_401_of_another_run_is_not_final_and_the_second_is(jenkins: Make) -> None:
    ci = jenkins()
    ci.poll()
    ci.fake.session = "0badcafe"
    ci.fake.token = "renewed"
    with pytest.raises(Retryable):
        ci.make().poll({})
    with pytest.raises(AuthenticationFailed):
        ci.make().poll({})


def test_a_wrong_token_is_final(jenkins: Make) -> None:
    ci = jenkins()
    ci.poll()
    ci.fake.token = "renewed"
    with pytest.raises(AuthenticationFailed) as told:
        ci.poll()
    assert "11fake-token" not in str(told.value)


def test_without_a_credential_the_page_for_people_means_log_in(jenkins: Make) -> None:
    ci = jenkins()
    with pytest.raises(AuthenticationFailed) as told:
        ci.make(token=None).poll({})
    assert told.value.remedy is not None
    assert "`token`" in told.value.remedy


def test_503_is_no_deletion(jenkins: Make) -> None:
    ci = jenkins()
    built(ci.world, "a")
    (ref,) = ci.poll()
    ci.fake.fail("/job/a/1/", status=503)
    with pytest.raises(Unreachable):
        ci.adapter.snapshot(ref)
    assert ci.adapter.snapshot(ref).status.finished


@pytest.mark.parametrize("fault", [{"cut": 20}, {"kind": "text/html", "status": 200, "body": "<html>"}])
def test_an_answer_that_is_none_is_tried_again(jenkins: Make, fault: dict[str, Any]) -> None:
    ci = jenkins()
    built(ci.world, "a")
    ci.fake.fail("/api/json", **fault, times=3)
    with pytest.raises(Retryable):
        ci.poll()
    ci.fake.faults.clear()
    assert ci.numbers() == [1]


def test_a_cursor_stays_bounded_and_loses_nothing_by_it(
    jenkins: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipemgr_jenkins.discovery.NAMED", 10)
    ci = jenkins()
    total = 0
    for turn in range(6):
        for place in range(8):
            built(ci.world, f"job{turn * 3 + place}")
        total += len(ci.poll())
        jobs = ci.cursor["jobs"]
        assert isinstance(jobs, dict)
        assert len(jobs) <= 10
    assert total == 48
    assert ci.poll() == []


@pytest.mark.parametrize(
    "lie", [5, None, "x", {"number": 1, "timestamp": "x"}, {"number": -1, "timestamp": 1}]
)
def test_what_is_no_build_and_no_job_is_passed_over(lie: Any) -> None:
    assert row(lie) is None
    answer = {"jobs": [lie, {"fullName": "a", "lastBuild": {"number": 2, "timestamp": 3}}]}
    assert list(walk(lambda _: answer, ("*",))) == [Job("a", Row(2, 3))]
    assert list(walk(lambda _: {"jobs": lie}, ("*",))) == []
