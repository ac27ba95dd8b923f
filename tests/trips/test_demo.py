"""The demonstration: the whole trip, a second one, and every other command in what it leaves."""

import itertools
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipemgr.model.events import ALL_EVENTS

pytestmark = pytest.mark.slow
NAMES = ("broken", "hello", "release", "shop-ci")


def test_the_demonstration_shows_the_whole_trip(demo):
    _, ran = demo
    assert (ran.code, ran.err) == (0, "")
    assert [int(number) for number in re.findall(r"^(\d)\. ", ran.out, re.MULTILINE)] == [*range(1, 9)]
    assert ".github/workflows/shop.yml -> pipelines/shop-ci.yaml: successful" in ran.out
    for name in NAMES:
        assert f"+ create {name} at local" in ran.out
        assert f"published {name} at local" in ran.out
        assert f"started {name}#1" in ran.out
    assert "  success  release#1" in ran.out
    assert re.search(r"artifact shop/shop.tar.gz  sha256:[0-9a-f]{64}", ran.out)
    assert "failure in check / Check the price list, exit code 3" in ran.out
    assert "      | negative price found" in ran.out
    assert re.search(r"ok: \d+ sealed entries, root [0-9a-f]{64}", ran.out)
    assert "What next, in" in ran.out
    assert "\x1b" not in ran.out


def test_without_pipemgr_on_the_path_it_says_how_to_get_it_there(workspace, monkeypatch):
    hint = "First put pipemgr on your PATH:"
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert hint in workspace.well("demo", workspace.root).out
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert hint not in workspace.well("demo", workspace.root).out


def test_it_takes_less_than_a_minute(demo):
    took = re.search(r"Done in (\d+) s", demo[1].out)
    assert took is not None
    assert int(took[1]) < 60


def test_a_second_run_only_adds_builds(workspace):
    before = workspace.history()
    published = workspace.rows("SELECT * FROM publication ORDER BY pipeline")
    builds = workspace.well("build", "list", "--json").json
    ran = workspace.well("demo", workspace.root, "--json")
    assert "already there, used again" in ran.err
    assert "nothing to publish" in ran.err
    assert [one["build"] for one in ran.json["builds"]] == ["hello#2", "release#2", "shop-ci#2", "broken#2"]
    assert [one["status"]["result"] for one in ran.json["builds"]] == ["success"] * 3 + ["failure"]
    after = workspace.history()
    for table, rows in before.items():
        assert rows <= after[table], f"rows of {table} were changed or removed"
    assert workspace.rows("SELECT * FROM publication ORDER BY pipeline") == published
    new = workspace.rows(
        f"SELECT DISTINCT kind FROM ledger_entry WHERE rowid > {before['ledger_entry'].total()}"
    )
    assert {"pipeline", "stage", "step"}.isdisjoint(kind for (kind,) in new)
    again = workspace.well("build", "list", "--json").json
    assert again[4:] == builds
    assert [one["number"] for one in again] == [2] * 4 + [1] * 4
    workspace.well("ledger", "verify")


def test_events_of_the_whole_run_are_in_order(workspace):
    events = [json.loads(line) for line in workspace.well("events", "--json").out.splitlines()]
    assert [int(event["sequence"]) for event in events] == [*range(1, len(events) + 1)]
    assert {event["type"] for event in events} <= set(ALL_EVENTS)
    assert {"pipeline.create", "build.create", "buildinstance.updated", "artifact.create"} <= {
        event["type"] for event in events
    }
    seen: dict[tuple[str, str], str] = {}
    for event in events:
        kind, _, change = event["type"].rpartition(".")
        if change in ("create", "updated", "destroy"):
            before = seen.get((kind, event["subject"]))
            assert (before is None) == (change == "create"), f"{event['type']} after {before}"
            seen[kind, event["subject"]] = change
    assert len({event["id"] for event in events}) == len(events)


def test_every_step_and_stage_is_finished_and_every_log_complete(workspace):
    for name in NAMES:
        build = workspace.well("build", "show", f"{name}#1", "--json").json
        assert build["status"]["state"] == "finished"
        assert {step["status"]["state"] for stage in build["stages"] for step in stage["steps"]} == {
            "finished"
        }
        assert all(log["complete"] for log in build["logs"])
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one["digest"]) for one in build["artifacts"])


@pytest.mark.parametrize(
    "words",
    [
        "build list --pipeline hello --result success",
        "build show broken#1",
        "build logs broken#1 --failed",
        "build logs release#1 --step 1 --tail 2",
        "plan",
        "sync",
        "poll --once",
        "ledger verify",
        "ledger show shop-ci#1",
        "ledger checkpoint",
        "events --limit 3",
        "events --name build.create",
        "connection list",
        "connection check",
        "connection check local",
        "adapter list",
        "adapter show local",
        "adapter show github-actions",
        "adapter check",
        "doctor",
        "schema pipeline",
        "schema config",
        "validate pipelines/hello.yaml .github/workflows/shop.yml",
        "convert pipelines/release.yaml --from native --to github-actions",
        "convert .github/workflows/shop.yml --from github-actions --to native",
    ],
)
def test_every_command_works_in_what_it_leaves(demo, words):
    ran = demo[0].well(*words.split())
    assert ran.out or words.startswith("validate")
    with_json = demo[0].well(*words.split(), "--json")
    if words.startswith("events"):
        assert [json.loads(line) for line in with_json.out.splitlines()]
    else:
        assert with_json.json


def test_plan_notices_an_edit_and_apply_publishes_it(workspace):
    assert workspace("plan", "--json").code == 0
    workspace.edit("hello", "default: world", "default: Wörld")
    planned = workspace("plan", "--json")
    assert planned.code == 2
    assert planned.json["changes"] == 1
    change = next(one for one in planned.json["pipelines"] if one["pipeline"] == "hello")
    assert (change["verb"], change["moved"], change["source"]) == ("update", "us", "pipelines/hello.yaml")
    (difference,) = change["differences"]
    assert (difference["before"], difference["after"]) == ("world", "Wörld")
    assert difference["path"].endswith("parameters.who.default")
    shown = workspace("plan")
    assert f"{difference['path']}: 'world' -> 'Wörld'" in shown.out
    assert workspace.well("apply").out == "published hello at local\n"
    assert workspace.well("apply").out == "Nothing to change.\n"
    assert workspace.well("plan").out == "0 to change, 4 as they should be.\n"
    build = workspace.well("build", "start", "hello", "--wait", "--json").json
    assert build["status"]["result"] == "success"
    assert "Hello, Wörld!" in workspace.well("build", "logs", "hello#2").out


def test_a_plan_can_be_saved_and_applied_once(workspace):
    workspace.edit("hello", "default: world", "default: plan")
    assert workspace("plan", "-o", "plan.json").code == 2
    assert workspace.well("apply", "plan.json").out == "published hello at local\n"
    workspace.edit("hello", "default: plan", "default: other")
    workspace.well("apply")
    late = workspace("apply", "plan.json")
    assert late.code == 1
    assert "changed since the plan was made" in late.err
    assert workspace.well("plan").out == "0 to change, 4 as they should be.\n"


def test_a_change_at_the_vendor_is_told_as_drift(workspace):
    (live,) = (workspace.root / ".pipemgr/connections/local/pipelines/hello").rglob("*.yml")
    live.write_text(live.read_text(encoding="utf-8").replace("world", "somebody"), encoding="utf-8")
    ran = workspace("plan")
    assert ran.code == 2
    assert "changed at the vendor since it was applied" in ran.out
    workspace.well("sync")
    assert workspace.well("plan").code == 0


def test_sync_does_what_is_to_do_and_then_nothing(workspace):
    workspace.edit("hello", "default: world", "default: sync")
    workspace.well("build", "start", "release")
    first = workspace.well("sync")
    assert "published hello at local" in first.out
    assert "1 build looked at" in first.out
    deadline = time.monotonic() + 60
    while workspace.well("build", "show", "release#2", "--json").json["status"]["state"] != "finished":
        assert time.monotonic() < deadline
        workspace.well("sync")
    before = workspace.history()
    last = workspace.well("sync", "--json").json
    assert [(one["step"], one.get("changes")) for one in last if one["step"] != "apply"] == [("poll", 0)]
    assert all(one["fate"] == "unchanged" for one in last if one["step"] == "apply")
    assert workspace.history() == before
    workspace.well("ledger", "verify")


def test_build_start_takes_parameters_and_tells_the_end(workspace):
    good = workspace("build", "start", "hello", "-p", "who=you there", "--wait")
    assert (good.code, "hello#2" in good.out) == (0, True)
    assert "Hello, you there!" in workspace.well("build", "logs", "hello#2", "--step", "1").out
    bad = workspace("build", "start", "broken", "--wait")
    assert bad.code == 1
    assert "failure  Check the price list (exit code 3)" in bad.out
    assert workspace("build", "start", "hello", "-p", "nonsense=1").code == 1
    assert workspace("build", "start", "hello", "-p", "nonsense").code == 2


def test_events_go_on_without_a_gap(workspace):
    every = [json.loads(line)["id"] for line in workspace.well("events", "--json").out.splitlines()]
    pages: list[str] = []
    while page := workspace.well(
        "events", "--json", "--after", str(len(pages)), "-n", "100"
    ).out.splitlines():
        pages += [json.loads(line)["id"] for line in page]
    assert pages == every
    workspace.well("build", "start", "hello", "--wait")
    more = workspace.well("events", "--json", "--after", str(len(every))).out.splitlines()
    numbers = [int(json.loads(line)["sequence"]) for line in more]
    assert numbers == [*range(len(every) + 1, len(every) + 1 + len(numbers))]
    assert numbers


def test_a_checkpoint_kept_elsewhere_goes_on_to_hold(workspace, tmp_path):
    kept = tmp_path / "checkpoint.json"
    kept.write_text(workspace.well("ledger", "checkpoint").out, encoding="utf-8")
    workspace.well("build", "start", "hello", "--wait")
    workspace.well("ledger", "verify", "--checkpoint", kept)
    kept.write_text(kept.read_text(encoding="utf-8").replace('"root":', '"root":"0', 1), encoding="utf-8")
    assert workspace("ledger", "verify", "--checkpoint", kept).code == 1


def test_the_ledger_can_be_shown_in_pages(workspace):
    every = workspace.well("ledger", "show", "--json", "-n", "10000").json
    assert [one["position"] for one in every] == [*range(len(every))]
    first = workspace.well("ledger", "show", "--json", "-n", "7").json
    rest = workspace.well("ledger", "show", "--json", "-n", "10000", "--after", "6").json
    assert first + rest == every


def test_bash_takes_the_completion_script(workspace):
    script = workspace.well("completion", "bash").out
    words = 'COMP_WORDS=(pipemgr build st); COMP_CWORD=2; _pipemgr_completion pipemgr; echo "${COMPREPLY[@]}"'
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{words}"],
        cwd=workspace.root,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "start\n"


def test_builds_started_from_below_the_workspace_are_the_same(workspace):
    inner = workspace.root / "shop"
    from_below = type(workspace)(inner)
    assert from_below.well("plan").out == "0 to change, 4 as they should be.\n"
    outside = type(workspace)(workspace.root.parent)
    assert outside.well("-C", workspace.root, "plan").code == 0
    assert outside("plan").code == 1


def test_a_workspace_of_somebody_else_is_left_alone(hello, tmp_path):
    other = hello()
    before = sorted(other.root.rglob("*"))
    ran = other("demo", other.root)
    assert ran.code == 1
    assert "was not made by the demonstration" in ran.err
    assert sorted(other.root.rglob("*")) == before


def test_builds_of_all_pipelines_are_listed_newest_first(demo):
    rows = demo[0].well("build", "list", "--json").json
    moments = [row["instance"]["queued_at"] for row in rows]
    assert all(first >= second for first, second in itertools.pairwise(moments))
    assert {row["pipeline"] for row in rows} == set(NAMES)
