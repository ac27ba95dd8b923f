"""Logs, artifacts and test reports: complete, bounded, and from addresses that expire."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from pipemgr.adapter import NotFound, Refused, Retryable
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result
from pipemgr.testing.fakes.github import GitHub
from pipemgr.testing.fakes.world import Run, World
from pipemgr_github_actions import GitHubActionsAdapter, archive, logs

from .conftest import Connect

CI = "acme/shop:ci.yml"


def ref(run: Run) -> BuildRef:
    return BuildRef(pipeline=run.pipeline, build=str(run.id), attempt=run.latest.number)


def whole(adapter: GitHubActionsAdapter, run: Run, name: str) -> str:
    text, offset = "", 0
    while True:
        chunk = adapter.logs(ref(run), name, offset)
        text, offset = text + chunk.text, chunk.offset
        if chunk.complete:
            assert offset == len(text.encode())
            return text
        assert chunk.text


def ran(world: World, text: str = "it is {}\n") -> Run:
    run = world.start(CI)
    world.begin(run)
    for job in run.latest.jobs:
        for step in job.steps:
            step.text = text.format(job.name)
    world.finish(run)
    return run


def test_all_logs_of_an_ended_run_come_with_one_archive(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    run = ran(world)
    for job in run.latest.jobs:
        assert whole(adapter, run, str(job.id)) == f"it is {job.name}\n"
        assert whole(adapter, run, f"{job.id}/1") == f"it is {job.name}\n"
    assert len(github.calls) == 4


def test_a_running_job_has_no_log_yet_and_a_finished_one_has(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    run = world.start(CI)
    world.begin(run)
    first, second = run.latest.jobs
    world.print(run, "hello\n")
    chunk = adapter.logs(ref(run), str(first.id), 0)
    assert (chunk.text, chunk.offset, chunk.complete) == ("", 0, False)
    world._end(first, Result.SUCCESS)
    assert whole(adapter, run, str(first.id)) == "hello\n"
    assert not adapter.logs(ref(run), str(second.id), 0).complete


def test_log_redirect_expired(world: World, github: GitHub, adapter: GitHubActionsAdapter) -> None:
    run = ran(world)
    github.expired = 1
    assert whole(adapter, run, str(run.latest.jobs[0].id)) == "it is build\n"
    assert [call.status for call in github.calls if call.path.startswith("/signed/")] == [403, 200]
    assert not [call for call in github.calls if "authorization" in call.headers and "/signed/" in call.path]


def test_a_store_that_always_refuses_is_an_error_without_the_signature(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    github.expired = 99
    with pytest.raises(Refused) as caught:
        whole(adapter, ran(world), str(world.runs[0].latest.jobs[0].id))
    assert "secret" not in str(caught.value)


def test_job_name_of_95_emoji(github: GitHub, adapter: GitHubActionsAdapter) -> None:
    names = ("🚀" * 95, "x" + "🚀" * 95, "deploy / eu: west", "build")
    github.world = world = World(jobs=names)
    run = ran(world)
    for job in run.latest.jobs:
        assert whole(adapter, run, str(job.id)) == f"it is {job.name}\n"
        assert whole(adapter, run, f"{job.id}/1") == f"it is {job.name}\n"
    assert len([call for call in github.calls if call.path.endswith("/logs")]) == 1


def test_jobs_that_the_archive_does_not_tell_apart_are_asked_for_by_id(
    github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    github.world = world = World(jobs=("🚀" * 95, "🚀" * 96, "a/b", "ab", "same", "same"))
    run = ran(world, "{}")
    for place, job in enumerate(run.latest.jobs):
        job.steps[0].text = f"log {place}"
    for place, job in enumerate(run.latest.jobs):
        assert whole(adapter, run, str(job.id)) == f"log {place}"
    with pytest.raises(NotFound, match="no log of step"):
        adapter.logs(ref(run), f"{run.latest.jobs[0].id}/1", 0)


def test_a_log_is_cut_between_characters(
    world: World, adapter: GitHubActionsAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "CHUNK", 10)
    run = ran(world, "äöü€🚀 and so on, \x1b[31mred\x1b[0m\r\n")
    assert whole(adapter, run, str(run.latest.jobs[0].id)) == "äöü€🚀 and so on, \x1b[31mred\x1b[0m\r\n"


def test_a_log_that_github_has_deleted(world: World, github: GitHub, adapter: GitHubActionsAdapter) -> None:
    run = ran(world)
    github.fail("/logs", status=410, times=9)
    with pytest.raises(NotFound) as caught:
        adapter.logs(ref(run), str(run.latest.jobs[0].id), 0)
    assert "90 days" in str(caught.value.remedy)
    assert len([call for call in github.calls if call.path.endswith("/logs")]) == 2


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "1/../2", "/etc/passwd", "build", "1/2/3", "-1"])
def test_a_name_leads_to_no_other_file(
    world: World, github: GitHub, adapter: GitHubActionsAdapter, name: str
) -> None:
    with pytest.raises(NotFound):
        adapter.logs(ref(ran(world)), name, 0)
    assert github.calls == []


def test_a_download_that_breaks_off_leaves_nothing_behind(
    world: World, github: GitHub, adapter: GitHubActionsAdapter, tmp_path: Path
) -> None:
    run = ran(world)
    github.fail("/signed/", cut=10)
    with pytest.raises(Retryable):
        adapter.logs(ref(run), str(run.latest.jobs[0].id), 0)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
    assert whole(adapter, run, str(run.latest.jobs[0].id)) == "it is build\n"


def test_a_broken_archive_is_fetched_again(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    run = ran(world)
    github.fail("/signed/", status=200, body="no archive")
    with pytest.raises(Retryable, match="can't be read"):
        adapter.logs(ref(run), str(run.latest.jobs[0].id), 0)
    assert whole(adapter, run, str(run.latest.jobs[0].id)) == "it is build\n"


def test_what_is_on_disk_is_bounded(
    world: World, adapter: GitHubActionsAdapter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(logs, "KEPT", 1)
    for _ in range(5):
        run = ran(world)
        whole(adapter, run, str(run.latest.jobs[0].id))
    assert [one.name for one in (tmp_path / "state" / "logs").iterdir()] == [f"{run.id}-1"]


# Archives ----------------------------------------------------------------------------------------------------


def test_a_bomb_is_refused_whatever_it_claims(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("1_build.txt", b"0" * 5_000_000)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<I", 10)
    with archive.opened(path, "gh") as packed, pytest.raises(Refused, match="more than 1,000 bytes"):
        list(archive.pieces(packed, packed.infolist()[0], 1000))
    path.write_bytes(data)
    with pytest.raises(Retryable), archive.opened(path, "gh") as packed:
        assert len(b"".join(archive.pieces(packed, packed.infolist()[0], 1000))) <= 1000


def test_a_member_with_a_path_is_no_job() -> None:
    infos = [zipfile.ZipInfo(one) for one in ("../../1_build.txt", "/1_build.txt", "build/../1_x.txt")]
    assert archive.member(infos, "build", ["build"]) is None


# Artifacts and reports ---------------------------------------------------------------------------------------


def packed(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, text in files.items():
            made.writestr(f"reports/{name}.xml", text)
    return content.getvalue()


def test_artifacts_with_their_digests(world: World, github: GitHub, adapter: GitHubActionsAdapter) -> None:
    run = ran(world)
    run.artifacts = {"app": b"binary", "docs": b"text"}
    app, docs = adapter.artifacts(ref(run))
    assert (app.name, app.size, docs.name) == ("app", 6, "docs")
    assert app.digest == "sha256:9a3a45d01531a20e89ac6ae10b0b0beb0492acd7216a368aa062d1a5fecaf9cd"
    assert app.expires_at is not None
    assert b"".join(adapter.download(ref(run), "app")) == b"binary"
    assert adapter.snapshot(ref(run)).artifacts == (app, docs)
    with pytest.raises(NotFound, match="no artifact 'nothing'"):
        adapter.download(ref(run), "nothing")
    github.digests = False
    assert adapter.artifacts(ref(run))[0].digest is None


def test_test_reports_cost_nothing_unless_they_are_named(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    run = ran(world)
    run.artifacts = {"junit": packed(a="<testsuite/>")}
    assert adapter.tests(ref(run)) is None
    assert github.calls == []


def test_test_reports_of_named_artifacts(world: World, connect: Connect) -> None:
    good = "<testsuite name='s'><testcase name='a' time='1.5'/><testcase name='b'><failure/></testcase></testsuite>"
    run = ran(world)
    run.artifacts = {"junit-1": packed(a=good, b="<broken"), "app": b"no archive"}
    report = connect(test_artifacts=["junit*"]).tests(ref(run))
    assert report is not None
    assert (report.counts.passed, report.counts.failed, report.counts.errors) == (1, 1, 1)
    assert report.cases[2].name == "junit-1/reports/b.xml"
