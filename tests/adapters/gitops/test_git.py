"""What Git alone tells: commits become builds, reports become stages, and no history is too odd to go on."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipemgr.adapter import NotFound
from pipemgr.model.reports import Report
from pipemgr.model.runs import BuildRef, Confidence
from pipemgr.model.status import State
from tests.adapters.gitops.conftest import Follower, Work, stage

Follow = Callable[..., Follower]
T1, T2, T3 = ("2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z")


def test_a_commit_is_a_build_of_each_pipeline_that_it_changes(work: Work, follow: Follow) -> None:
    follower = follow()
    both = work.commit({"apps/shop/a.yaml": "1", "apps/blog/b.yaml": "1", "README": "x"}, "both")
    other = work.commit({"docs/x": "1"})
    work.push()
    follower.poll()
    assert set(follower.seen) == {("apps/blog", both, 1), ("apps/shop", both, 1)}
    (build,) = follower.attempts(both)
    assert build.build.commit == both
    assert (build.build.branch, build.build.actor, build.build.name) == ("main", "Ada", "both")
    pushed = stage(build, "pushed")
    assert pushed.evidence is not None
    assert pushed.evidence.confidence is Confidence.CERTAIN
    assert build.status.state is State.QUEUED
    assert not follower.attempts(other)
    assert follower.adapter.pipelines() == ("apps/blog", "apps/shop")
    assert follower.adapter.snapshot(BuildRef(pipeline="apps/shop", build=both)) == build


def test_reports_tell_how_far_it_came(work: Work, follow: Follow) -> None:
    follower = follow()
    sha = work.deploy()
    work.report(sha, "syncing", started=T1)
    follower.poll()
    assert follower.results(sha) == ["running"]
    work.report(sha, "healthy", started=T1, finished=T2, reporter="hook")
    work.report(sha, "synced", started=T1, finished=T2)
    follower.poll()
    (build,) = follower.attempts(sha)
    assert follower.results(sha) == ["success"]
    healthy = stage(build, "healthy in prod")
    assert healthy.finished_at == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert healthy.evidence is not None
    assert healthy.evidence.source == "status file pipemgr/status/prod/apps/shop.json by hook"


def test_failed_reports_between_two_successes_are_kept_even_when_overwritten_between_polls(
    work: Work, follow: Follow
) -> None:
    follower = follow()
    sha = work.deploy()
    for phase, at in (("synced", T1), ("failed", T2), ("synced", T3)):
        work.report(sha, phase, started=at, finished=at)
    follower.poll()
    assert follower.results(sha) == ["success", "failure", "success"]
    follower.poll()
    assert follower.results(sha) == ["success", "failure", "success"]


def test_notes_are_reports_too_and_a_bad_line_is_told(work: Work, follow: Follow) -> None:
    follower = follow()
    sha = work.deploy()
    report = Report(
        pipeline="apps/shop", environment="prod", revision=sha, phase="failed", message="no quota"
    )
    work.git("notes", "--ref=pipemgr", "add", "-m", report.text(indent=None), sha)
    work.git("notes", "--ref=pipemgr", "append", "-m", "by hand", sha)
    work.push("refs/notes/*")
    (page,) = follower.poll()
    (build,) = follower.attempts(sha)
    assert (build.status.result, build.status.reason) == ("failure", "synced in prod: no quota")
    assert [one.reason for one in page.unread if "line 3" in one.reason]


@pytest.mark.parametrize("text", ["", "{", "[]", "\ufeff{}", '{"version": 1}', "null", "x" * 70_000])
def test_a_malformed_report_is_told_with_its_place_and_hides_nothing(
    text: str, work: Work, follow: Follow
) -> None:
    follower = follow()
    sha = work.deploy()
    work.commit({"pipemgr/status/prod/apps/blog.json": text})
    work.report(sha, "healthy")
    (page,) = follower.poll()
    assert any("pipemgr/status/prod/apps/blog.json at" in one.reason for one in page.unread)
    assert follower.results(sha) == ["success"]


def test_a_report_in_the_wrong_place_is_refused(work: Work, follow: Follow) -> None:
    follower = follow()
    sha = work.deploy()
    report = Report(pipeline="apps/shop", environment="prod", revision=sha, phase="healthy")
    work.commit({"pipemgr/status/staging/apps/shop.json": report.text()})
    work.push()
    (page,) = follower.poll()
    assert "another environment" in page.unread[0].reason
    assert follower.results(sha) == ["queued"]


def test_a_forced_push_is_told_as_a_gap_and_polling_goes_on(work: Work, follow: Follow) -> None:
    follower = follow()
    base = work.deploy(1)
    lost = work.deploy(2)
    follower.poll()
    work.git("reset", "-q", "--hard", base)
    sha = work.commit({"apps/shop/app.yaml": "3"})
    work.push("--force")
    (page,) = follower.poll()
    (gap,) = page.gaps
    assert (gap.pipeline, gap.expected) == ("apps/shop", 1)
    assert "forced push" in gap.reason
    (build,) = follower.attempts(lost)
    assert (build.status.result, "rewritten" in build.status.reason) == ("unknown", True)
    assert follower.results(sha) == ["queued"]
    again = work.deploy(4)
    (page,) = follower.poll()
    assert (page.gaps, follower.results(again)) == ((), ["queued"])


def test_a_history_with_nothing_in_common_is_followed(work: Work, follow: Follow) -> None:
    follower = follow()
    work.deploy(1)
    follower.poll()
    work.git("checkout", "-q", "--orphan", "fresh")
    sha = work.commit({"apps/shop/app.yaml": "new"})
    work.git("push", "-q", "--force", "origin", "HEAD:main")
    (page,) = follower.poll()
    assert page.gaps
    assert follower.attempts(sha)


def test_an_empty_repository_and_then_its_first_commit(work: Work, follow: Follow) -> None:
    follower = follow()
    (page,) = follower.poll()
    assert (page.builds, page.more) == ((), False)
    sha = work.deploy()
    follower.poll()
    assert follower.results(sha) == ["queued"]


def test_a_repository_that_is_deleted_is_not_found_and_comes_back(work: Work, follow: Follow) -> None:
    follower = follow()
    work.deploy()
    follower.poll()
    away = work.bare.with_name("away")
    work.bare.rename(away)
    with pytest.raises(NotFound, match=r"deploy\.git"):
        follower.poll()
    away.rename(work.bare)
    sha = work.deploy(2)
    follower.poll()
    assert follower.attempts(sha)


def test_more_commits_than_a_page_between_polls_are_all_found(work: Work, follow: Follow) -> None:
    follower = follow()
    work.deploy(0)
    follower.poll()
    shas = [work.commit({"apps/shop/app.yaml": f"{number}"}) for number in range(205)]
    work.push()
    pages = follower.poll()
    assert len(pages) == 3
    assert {sha for _, sha, _ in follower.seen} >= set(shas)


def test_the_past_is_walked_page_by_page(work: Work, follow: Follow) -> None:
    work.clock -= 30 * 86_400
    old = [work.commit({"apps/shop/app.yaml": f"{number}"}) for number in range(120)]
    work.clock += 29 * 86_400 + 40_000
    work.push()
    follower = follow(patience=10)
    follower.poll()
    assert len(follower.seen) == 1  # the newest; the rest is history
    cursor: dict[str, Any] = {}
    found, since = set(), datetime.now(UTC) - timedelta(days=60)
    while True:
        page = follower.adapter.history(cursor, since)
        found |= {one.build.external_id for one in page.builds} | {one.build for one in page.seen}
        if not page.more:
            break
        assert page.cursor != cursor
        cursor = page.cursor
    assert found == set(old)
    assert not follower.adapter.history({}, datetime.now(UTC)).builds


def test_what_nobody_tells_of_is_given_up_and_never_counts_as_success(work: Work, follow: Follow) -> None:
    follower = follow(patience=1)
    sha = work.deploy()
    follower.poll()
    assert follower.results(sha) == ["unknown"]
    work.report(sha, "healthy")
    follower.poll()
    assert follower.results(sha) == ["success"]


def test_a_later_commit_that_was_synced_takes_the_place_of_an_earlier_one(work: Work, follow: Follow) -> None:
    follower = follow()
    first, second = work.deploy(1), work.deploy(2)
    work.report(second, "healthy")
    follower.poll()
    assert (follower.results(first), follower.results(second)) == (["skipped"], ["success"])


def test_each_environment_is_waited_for(work: Work, follow: Follow) -> None:
    follower = follow(environments={"staging": {}, "prod": {}})
    sha = work.deploy()
    work.report(sha, "healthy", environment="staging")
    follower.poll()
    (build,) = follower.attempts(sha)
    assert (build.status.state, build.status.provisional) == ("running", "success")
    assert "prod" in build.status.reason
    work.report(sha, "failed", environment="prod", message="no quota")
    follower.poll()
    (build,) = follower.attempts(sha)
    assert (build.status.result, build.status.reason) == ("failure", "synced in prod: no quota")


def test_hydrated_branches_say_that_a_commit_was_seen(work: Work, follow: Follow) -> None:
    follower = follow(environments={"prod": {"branch": "env/prod"}})
    sha = work.deploy()
    work.git("checkout", "-q", "--orphan", "env/prod")
    work.commit({"hydrator.metadata": json.dumps({"drySha": sha}), "manifest.yaml": "x"})
    work.push()
    work.git("checkout", "-q", "main")
    follower.poll()
    (build,) = follower.attempts(sha)
    assert stage(build, "seen in prod").evidence
    assert not build.status.finished


def test_a_lane_that_knows_everything_learns_nothing(work: Work, follow: Follow) -> None:
    follower = follow()
    sha = work.deploy()
    work.report(sha, "healthy", started=T1)
    follower.poll()
    before = follower.attempts(sha)
    (page,) = follower.poll()
    assert page.builds == ()
    assert follower.attempts(sha) == before


def test_a_page_that_was_never_recorded_is_told_again(work: Work, follow: Follow) -> None:
    follower = follow()
    sha = work.deploy()
    for phase, at in (("synced", T1), ("failed", T2)):
        work.report(sha, phase, started=at, finished=at)
    first = follower.adapter.poll({})
    again = follower.adapter.poll({})  # the worker died before it could keep the cursor
    assert again.builds == first.builds
    assert len(again.builds) == 2
    assert not follower.adapter.poll(again.cursor).builds
    assert follower.adapter.poll(again.cursor).cursor == again.cursor
