"""`pipemgr build list`: filters, columns, JSON fields, the width of a terminal."""

import json
import sys

import pytest

from pipemgr.cli import render
from pipemgr.model.status import Result

TEN_MINUTES = 600.0


@pytest.fixture
def polled(cli, toy, toybox):
    """Four builds of two pipelines, ten minutes apart; the second was executed twice, the fourth runs."""
    world = toy.world
    for number, (pipeline, branch) in enumerate([("web", "main"), ("web", "fix/1"), ("api", "fix/2")]):
        run = world.start(pipeline, branch=branch)
        run.actor, run.trigger = ("ada", "push") if number else ("grace", "schedule")
        world.begin(run)
        world.finish(run, Result.FAILURE if number == 1 else Result.SUCCESS)
        world.tick(TEN_MINUTES)
    world.rerun(world.runs[1])
    world.finish(world.runs[1])
    world.tick(TEN_MINUTES)
    world.begin(world.start("web"))
    assert cli("poll", at=toybox).code == 0
    return toybox


def listed(cli, polled, *words):
    said = cli("build", "list", "--columns", "build,attempt", *words, at=polled)
    assert (said.code, said.err) == (0, "")
    return [tuple(line.split()) for line in said.out.splitlines()[1:]]


WEB1, WEB2, API1, WEB3 = (("web#1", "1"), ("web#2", "2"), ("api#1", "1"), ("web#3", "1"))


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("", [WEB3, WEB2, API1, WEB1]),
        ("-n 1", [WEB3]),
        ("-L 2", [WEB3, WEB2]),
        ("-p web", [WEB3, WEB2, WEB1]),
        ("-p a*", [API1]),
        ("-b fix/*", [WEB2, API1]),
        ("-u grace", [WEB1]),
        ("--user ada -e push", [WEB3, WEB2, API1]),
        ("--event schedule", [WEB1]),
        ("-s running", [WEB3]),
        ("-s in_progress", [WEB3]),
        ("-s success", [WEB2, API1, WEB1]),
        ("-s completed -p api", [API1]),
        ("--status failure", []),
        ("--status failure --all", [("web#2", "1")]),
        ("--state finished --result success --branch main", [WEB1]),
        ("--created 2026-11-01T08:15..", [WEB3, WEB2, API1]),
        ("--created 2026-11-01..2026-11-01T08:05", [WEB1]),
        ("--created <2026-11-01", []),
        ("--connection toy --all --pipeline web", [WEB3, WEB2, ("web#2", "1"), WEB1]),
    ],
)
def test_filters(cli, polled, words, rows):
    if rows:
        assert listed(cli, polled, *words.split()) == rows
    else:
        said = cli("build", "list", *words.split(), at=polled)
        assert (said.code, said.out.startswith("No builds fit.")) == (0, True)


def test_a_commit_may_be_cut(cli, toy, polled):
    commit = toy.world.runs[0].commit
    assert listed(cli, polled, "--commit", commit) == [WEB1]
    assert listed(cli, polled, "--commit", commit[:9]) == [WEB1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--created yesterday", "is no date; write 2026-11-01"),
        ("--columns build,nonsense", "'nonsense' is none of build, attempt"),
        ("--status success --result failure", "--status contradicts --state or --result"),
        ("--status nonsense", "is not one of"),
        ("--json nonsense", "'nonsense' is none of"),
    ],
)
def test_what_can_not_be_asked_for(cli, polled, words, told):
    said = cli("build", "list", *words.split(), at=polled)
    assert said.code == 2
    assert told in (said.error["message"] if "--json" in words else said.err)


def test_fields_of_json(cli, polled):
    whole = cli("build", "list", "--json", "--limit", "1", at=polled).json[0]
    assert {"title", "number", "attempt", "state", "result", "url", "instance", "queued_at"} <= set(whole)
    (row,) = cli("build", "list", "-n", "1", "--json", "title,state,url", at=polled).json
    assert row == {"title": "web#3", "state": "running", "url": whole["url"]}
    said = cli("build", "list", "-n", "1", "--json=title", at=polled)
    assert said.json == [{"title": "web#3"}]
    assert "T" in whole["queued_at"]


def test_what_takes_is_told_while_it_runs(cli, polled):
    row = cli("build", "list", "--columns", "build,took,waited,finished", "-s", "running", at=polled)
    name, took, waited, finished = row.out.splitlines()[1].split()
    assert (name, waited, finished) == ("web#3", "0.0s", "-")
    assert took != "-"


def test_a_line_fits_on_a_terminal_and_is_whole_in_a_pipe(cli, polled, monkeypatch):
    columns = ("--columns", "build,commit,url,id")
    whole = cli("build", "list", *columns, at=polled).out
    assert "https://toy.example/" in whole
    assert "…" not in whole
    monkeypatch.setattr(render.shutil, "get_terminal_size", lambda: render.shutil.os.terminal_size((40, 20)))
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _self: True, raising=False)
    cut = cli("build", "list", *columns, at=polled).out
    lines = render.re.sub("\x1b\\[[0-9;]*m", "", cut).splitlines()
    assert max(map(len, lines)) == 40
    assert "…" in cut


@pytest.mark.parametrize(
    ("widths", "room", "fitted"),
    [
        ([5, 5], 80, [5, 5]),
        ([9, 30, 10], 43, [9, 20, 10]),
        ([9, 30, 30], 53, [9, 20, 20]),
        ([30, 30, 4], 5, [30, 8, 4]),
        ([6, 4], 5, [6, 4]),
        ([90], 5, [90]),
        ([], 5, []),
    ],
)
def test_the_widest_columns_give_way(widths, room, fitted):
    assert render.fitting(widths, room) == fitted


def test_json_has_moments_as_iso(cli, polled):
    (row,) = cli("connection", "list", "--json", at=polled).json
    assert row["last_poll"][10] == "T"
    assert json.dumps(row)
