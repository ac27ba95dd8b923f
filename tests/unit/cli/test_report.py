"""`pipemgr report`: a status file or a note from any checkout, and a build straight into the ledger."""

import json
import os
import subprocess

import pytest

from pipemgr.model.reports import read_note, read_report
from pipemgr.service.runtime import opened
from pipemgr.service.workspace import create

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}
WORDS = ("report", "--environment", "prod", "--pipeline", "apps/shop", "--phase", "synced")
BUILD = {
    "build": {"pipeline": "mainframe", "external_id": "17", "number": 17, "commit": "c" * 40},
    "attempt": 1,
    "external_id": "17-1",
    "status": {"state": "finished", "result": "failure", "raw": "RC=8", "reason": "step 3"},
    "started_at": "2026-11-20T10:00:00Z",
    "finished_at": "2026-11-20T10:05:00Z",
    "stages": [{"external_id": "s", "name": "link", "status": {"state": "finished", "result": "failure"}}],
}


def git(folder, *words):
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    folder = tmp_path / "checkout"
    (folder / "deep").mkdir(parents=True)
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    create(folder)
    return folder


def test_a_report_is_written_to_its_place_from_anywhere_in_the_checkout(cli, checkout):
    said = cli(*WORDS, "--started", "2026-11-20T10:00:00+02:00", "--message", "ok", at=checkout / "deep")
    assert (said.code, said.err) == (0, "")
    path = checkout / "pipemgr/status/prod/apps/shop.json"
    assert said.out.strip() == str(path)
    report = read_report(path.read_bytes(), "x")
    assert report.revision == git(checkout, "rev-parse", "HEAD")
    assert (report.phase, report.message, report.started.isoformat()) == (
        "synced",
        "ok",
        "2026-11-20T08:00:00+00:00",
    )
    assert [one.name for one in path.parent.iterdir()] == ["shop.json"]
    assert git(checkout, "status", "--porcelain").split() == ["??", "pipemgr/"]


def test_a_report_goes_to_the_file_or_to_the_note_or_to_the_screen(cli, checkout, tmp_path):
    sha = git(checkout, "rev-parse", "HEAD")
    cli(*WORDS, "--file", tmp_path / "own.json", at=checkout)
    assert read_report((tmp_path / "own.json").read_bytes(), "x").revision == sha
    for phase in ("synced", "healthy"):
        said = cli(*WORDS[:-1], phase, "--note", at=checkout)
        assert (said.code, said.out.strip()) == (0, "refs/notes/pipemgr")
    reports, problems = read_note(git(checkout, "notes", "--ref=pipemgr", "show", sha).encode(), "x")
    assert ([one.phase for one in reports], problems) == (["synced", "healthy"], ())
    said = cli(*WORDS, "--print", at=checkout)
    assert read_report(said.out.encode(), "x").revision == sha


def test_outside_a_checkout_the_file_and_the_revision_must_be_given(cli, tmp_path):
    said = cli(*WORDS, "--json", at=tmp_path)
    assert said.code == 1
    assert "--revision" in said.error["remedy"]
    said = cli(*WORDS, "--revision", "a" * 40, "--file", "x.json", at=tmp_path)
    assert said.code == 0
    assert read_report((tmp_path / "x.json").read_bytes(), "x").revision == "a" * 40


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--revision", "main"), "--revision"),
        (("--revision", "--output=x"), "--revision"),
        (("--started", "yesterday"), "--started"),
        (("--started", "2026-11-20T10:00:00"), "--started"),
        (("--environment", "../../etc"), "--environment"),
    ],
)
def test_what_is_wrong_is_named(cli, checkout, more, word):
    said = cli(*WORDS, *more, "--json", at=checkout)
    assert said.code == 1
    assert word in said.error["message"]
    assert not (checkout / "pipemgr").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("report",),
        ("report", "--environment", "prod"),
        (*WORDS, "--note", "--print"),
        ("report", "build.json"),
        ("report", "--connection", "local"),
        ("report", "build.json", "--connection", "local", "--phase", "synced"),
    ],
)
def test_half_a_command_is_refused(cli, checkout, words):
    assert cli(*words, at=checkout).code == 2


def test_a_build_that_no_api_tells_is_recorded_as_somebodys_word(cli, workspace):
    (workspace / "build.json").write_text(json.dumps(BUILD), encoding="utf-8")
    said = cli("report", "build.json", "--connection", "local", "--json", at=workspace)
    assert said.code == 0
    assert said.json["changes"] > 0
    again = cli("report", "build.json", "--connection", "local", "--json", at=workspace)
    assert again.json["changes"] == 0
    with opened(workspace) as runtime:
        view = runtime.ledger.queries.build("mainframe#17")
        (instance,) = view.instances
        assert instance.snapshot().status.reason == "step 3"
    entries = cli("ledger", "verify", at=workspace)
    assert entries.code == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [("{", "JSON"), ("[]", ""), (json.dumps({**BUILD, "verdict": 1}), "verdict"), ("[" * 100_000, "JSON")],
)
def test_what_is_no_build_is_refused_and_nothing_recorded(cli, workspace, text, word):
    (workspace / "build.json").write_text(text, encoding="utf-8")
    said = cli("report", "build.json", "--connection", "local", at=workspace)
    assert said.code == 1
    assert "build.json" in said.err
    assert word in said.err
    assert "Traceback" not in said.err


def test_an_unknown_connection_is_named(cli, workspace):
    (workspace / "build.json").write_text(json.dumps(BUILD), encoding="utf-8")
    said = cli("report", "build.json", "--connection", "nowhere", at=workspace)
    assert said.code == 1
    assert "nowhere" in said.err
