"""What others script against: exit codes, lines and JSON of each command."""

import json
import re
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from pipemgr.ingest.worker import me
from pipemgr.service.runtime import opened
from pipemgr.service.workspace import create

GOOD = "pipeline: x\ntriggers: [manual: {}]\nrunner: linux\nstages: {a: {steps: [{run: echo}]}}\n"
LOSSY = GOOD.replace("{run: echo}", "{run: echo}, {opaque: {vendor: other, value: nonsense}}")
FIDELITIES = ("exact", "equivalent", "approximate", "manual", "dropped")
BUILD = re.compile(r"hello#1 +1 +success")


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


def assert_accounts(report: dict) -> None:
    assert set(report["accounting"]) == {"nodes", *FIDELITIES}
    assert report["accounting"]["nodes"] == sum(report["accounting"][one] for one in FIDELITIES)
    for finding in report["findings"]:
        assert {"fidelity", "path", "source", "what", "why", "remedy"} <= set(finding)
        assert finding["fidelity"] in FIDELITIES
        assert re.search(r":\d+:\d+$", finding["source"]), finding


# convert -------------------------------------------------------------------------------------------------


def test_convert_without_loss_leaves_with_0(cli, tmp_path):
    written(tmp_path, "x.yaml", GOOD)
    said = cli("convert", "x.yaml", "--from", "native", "--to", "github-actions", "--report", "r.json")
    assert said.code == 0
    assert said.out.startswith("name: x\n")
    assert said.err.startswith("successful: ")
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["outcome"] == "successful"
    assert_accounts(report)
    assert report["accounting"]["nodes"] > 5


@pytest.mark.parametrize(("strictness", "code"), [("report", 3), ("warn", 3), ("refuse", 4)])
def test_convert_with_loss(cli, tmp_path, strictness, code):
    written(tmp_path, "x.yaml", LOSSY)
    words = ("convert", "x.yaml", "--from", "native", "--to", "github-actions", "--strictness", strictness)
    said = cli(*words, "-o", "out", "--report", "r.json")
    assert said.code == code
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["outcome"] == "partial"
    assert_accounts(report)
    assert report["accounting"]["dropped"] >= 1
    assert ("x.yaml:4:35: dropped: " in said.err) == (strictness != "report")
    assert (tmp_path / "out").exists() == (code == 3)
    assert [one["source"] for one in report["findings"] if one["fidelity"] == "dropped"] == ["x.yaml:4:35"]


def test_convert_within_a_language_keeps_the_file_unless_fresh(cli, tmp_path):
    odd = "# mine\n" + GOOD.replace("pipeline: x", "pipeline:   'x'")
    written(tmp_path, "x.yaml", odd)
    words = ("convert", "x.yaml", "--from", "native", "--to", "native")
    assert cli(*words).out == odd
    assert cli(*words, "--fresh").out.startswith("pipeline: x\n")


def test_convert_onto_a_file_keeps_its_comments(cli, tmp_path):
    written(tmp_path, "x.yaml", GOOD)
    made = cli("convert", "x.yaml", "--from", "native", "--to", "github-actions").out
    written(tmp_path, "mine.yml", "# mine\n" + made)
    written(tmp_path, "x.yaml", GOOD.replace("echo", "make"))
    words = ("convert", "x.yaml", "--from", "native", "--to", "github-actions", "--onto", "mine.yml")
    assert cli(*words).out == "# mine\n" + made.replace("echo", "make")
    assert cli(*words, "--fresh").code == 2


@pytest.mark.parametrize("text", ["pipeline: [\n", "pipeline: 1\ntriggers: 2\n", None])
def test_convert_of_what_can_not_be_read_leaves_with_1_and_a_report(cli, tmp_path, text):
    if text:
        written(tmp_path, "x.yaml", text)
    words = ("convert", "x.yaml", "--from", "native", "--to", "github-actions", "--report", "r.json")
    said = cli(*words)
    assert (said.code, said.out) == (1, "")
    assert all(re.match(r"x\.yaml:\d+:\d+: .", line) for line in said.err.splitlines())
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["outcome"] == "failed"
    assert len(report["findings"]) == len(said.err.splitlines()) > 0
    assert_accounts(report)


def test_convert_as_json(cli, tmp_path):
    written(tmp_path, "x.yaml", LOSSY)
    words = ("convert", "x.yaml", "--from", "native", "--to", "github-actions", "--json")
    partial = cli(*words)
    assert (partial.code, partial.err) == (3, "")
    assert_accounts(partial.json["report"])
    assert [one["path"] for one in partial.json["documents"]] == [".github/workflows/x.yml"]
    refused = cli(*words, "--strictness", "refuse")
    assert refused.code == 4
    assert refused.error["type"] == "TranslationRefused"
    assert refused.json["report"]["outcome"] == "partial"
    assert refused.json["documents"] == []


def test_a_report_for_people(cli, tmp_path):
    written(tmp_path, "x.yaml", LOSSY)
    cli("convert", "x.yaml", "--from", "native", "--to", "github-actions", "--report", "r.md")
    assert "x.yaml:4:35" in (tmp_path / "r.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--report", "-o"])
def test_where_nothing_can_be_written_is_told(cli, tmp_path, option):
    written(tmp_path, "x.yaml", GOOD)
    written(tmp_path, "file", "")
    said = cli("convert", "x.yaml", "--from", "native", "--to", "github-actions", option, "file/below")
    assert said.code == 1
    assert "can't be written" in said.err


# validate ------------------------------------------------------------------------------------------------


def test_validate(cli, tmp_path):
    good = written(tmp_path, "good.yaml", GOOD)
    said = cli("validate", good)
    assert (said.code, said.out, said.err) == (0, "", "good.yaml: ok (x, 1 stage)\n")
    bad = written(tmp_path, "bad.yaml", "pipeline: x\nstages: {a: {need: [b], steps: []}}\n")
    said = cli("validate", good, bad)
    assert said.code == 1
    assert re.fullmatch(r"bad\.yaml:2:14: .*need.*\n", said.out)
    told = cli("validate", good, bad, "--json").json
    assert told["valid"] is False
    assert [one["valid"] for one in told["files"]] == [True, False]
    assert told["files"][1]["problems"][0]["where"] == "bad.yaml:2:14"


def test_validate_knows_a_language_by_its_place(cli, tmp_path):
    place = tmp_path / ".github/workflows"
    place.mkdir(parents=True)
    written(place, "ci.yml", "on: push\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n")
    assert cli("validate", place / "ci.yml").code == 0
    assert cli("validate", "ci.yml", at=place).code == 0
    assert cli("validate", place / "ci.yml", "--from", "native").code == 1


# plan, apply, sync -----------------------------------------------------------------------------------------


def test_plan_leaves_with_2_for_changes_and_0_for_none(cli, fresh, workspace):
    first = cli("plan", "--json", at=fresh)
    assert (first.code, first.json["changes"]) == (2, 1)
    assert first.json["pipelines"][0]["verb"] == "create"
    none = cli("plan", "--json", at=workspace)
    assert (none.code, none.json["changes"]) == (0, 0)
    assert cli("apply", "--json", at=fresh).json["applied"][0]["fate"] == "published"


def test_plan_without_pipelines_or_connections(cli, fresh):
    (fresh / "pipelines/hello.yaml").unlink()
    said = cli("plan", at=fresh)
    assert said.code == 0
    assert "No pipelines are defined" in said.out
    (fresh / "pipemgr.toml").write_text("", encoding="utf-8")
    for words in ("sync", "poll", "connection list", "connection check"):
        said = cli(*words.split(), at=fresh)
        assert (said.code, said.out.startswith("No connections are configured")) == (0, True)
    assert cli("plan", "-c", "nope", at=fresh).err.startswith("error: no connection 'nope' is configured")


def test_a_plan_file_that_is_none(cli, workspace):
    for text in ("{}", "nonsense", "[" * 100_000):
        written(workspace, "plan.json", text)
        said = cli("apply", "plan.json", at=workspace)
        assert said.code == 1
        assert "make one with `pipemgr plan -o FILE`" in said.err
    assert "can't be read" in cli("apply", "missing.json", at=workspace).err


def test_two_files_of_one_pipeline_are_refused(cli, fresh):
    written(fresh, "pipelines/other.yaml", (fresh / "pipelines/hello.yaml").read_text(encoding="utf-8"))
    said = cli("plan", at=fresh)
    assert said.code == 1
    assert (
        said.err == "pipelines/other.yaml:1:1: pipeline 'hello' is already defined in pipelines/hello.yaml\n"
    )


def test_sync_says_who_is_busy(cli, workspace):
    with opened(workspace) as runtime:
        assert runtime.ledger.store.claim("local", me(), 120)
        said = cli("sync", at=workspace)
    assert said.code == 1
    assert said.err.startswith(f"failed local: another worker ({me()}) is polling 'local'\n  try: ")


# builds ----------------------------------------------------------------------------------------------------


def test_empty_ledgers_say_what_to_do(cli, fresh):
    assert "Start one with `pipemgr build start PIPELINE`" in cli("build", "list", at=fresh).out
    assert cli("build", "list", "--json", at=fresh).json == []
    assert "`pipemgr sync` fills it" in cli("ledger", "show", at=fresh).out
    assert cli("ledger", "verify", at=fresh).out == f"ok: 0 sealed entries, root {sha256().hexdigest()}\n"
    assert (
        cli("ledger", "checkpoint", at=fresh).err
        == "error: the ledger is empty\n  try: `pipemgr sync` fills it\n"
    )
    assert cli("events", at=fresh).out == ""


def test_build_list_and_show(cli, workspace):
    assert BUILD.search(cli("build", "list", at=workspace).out)
    assert cli("build", "list", "--result", "failure", "--json", at=workspace).json == []
    (row,) = cli("build", "list", "--branch", "main", "--json", at=workspace).json or [None]
    assert row is None
    shown = cli("build", "show", "hello#1", at=workspace).out
    assert shown.startswith("hello#1: success  (local)\n")
    assert "parameters: who=tests" in shown
    by_number = cli("build", "show", "1", "--json", at=workspace).json
    by_id = cli("build", "show", by_number["id"], "--json", at=workspace).json
    assert by_number == by_id


def test_build_show_of_what_is_not_there(cli, workspace):
    assert cli("build", "show", "hello#9", at=workspace).code == 1
    assert "has no attempt 2" in cli("build", "show", "hello#1", "--attempt", "2", at=workspace).err
    assert cli("build", "show", "hello#1", "-c", "nope", at=workspace).code == 1


def test_an_ambiguous_build_is_named_as_people_write_it(cli, workspace):
    text = (workspace / "pipelines/hello.yaml").read_text(encoding="utf-8")
    written(workspace, "pipelines/other.yaml", text.replace("pipeline: hello", "pipeline: other"))
    cli("sync", at=workspace)
    assert cli("build", "start", "other", "--wait", at=workspace).code == 0
    said = cli("build", "show", "1", at=workspace)
    assert said.code == 1
    assert "'1' is the name of several builds: hello#1 at local, other#1 at local" in said.err
    assert "PIPELINE#NUMBER" in said.err


def test_build_logs(cli, workspace):
    said = cli("build", "logs", "hello#1", "--step", "Say hello", at=workspace)
    assert said.out == "==> greet / Say hello\nHello, tests!\n"
    none_failed = cli("build", "logs", "hello#1", "--failed", at=workspace)
    assert (none_failed.code, none_failed.err.startswith("No log fits.")) == (0, True)
    assert cli("build", "logs", "hello#1", "--stage", "greeet", at=workspace).code == 1
    told = cli("build", "logs", "hello#1", "--json", at=workspace).json
    assert {
        "stage": "greet",
        "step": "Say hello",
        "log": "greet/1",
        "complete": True,
        "text": "Hello, tests!\n",
    } in told


def test_build_start_of_what_is_not_published(cli, fresh):
    said = cli("build", "start", "hello", at=fresh)
    assert said.code == 1
    assert said.err.splitlines() == [
        "error: no pipeline 'hello' is published, and no build of one was seen",
        "  try: `pipemgr plan` shows what is defined, `pipemgr apply` publishes it, `pipemgr poll` looks for builds",
    ]


def test_build_start_as_json_names_the_build(cli, workspace):
    told = cli("build", "start", "hello", "--json", at=workspace).json
    assert told == {"connection": "local", "pipeline": "hello", "build": "2", "attempt": 1}


# the ledger --------------------------------------------------------------------------------------------------


def tampered(workspace: Path, statement: str) -> None:
    database = sqlite3.connect(workspace / ".pipemgr/ledger.db")
    triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    assert triggers
    with database:
        for (name,) in triggers:
            database.execute(f"DROP TRIGGER {name}")
        assert database.execute(statement).rowcount > 0
    database.close()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "UPDATE ledger_entry SET message = 'nothing happened' WHERE message LIKE 'build hello#1%'",
            "is not what was sealed",
        ),
        ("DELETE FROM ledger_entry WHERE message LIKE 'build hello#1%'", ""),
        ("UPDATE build_instance SET data = replace(data, 'success', 'failure')", "the buildinstance"),
        ("UPDATE seal SET leaf = 'ff' WHERE position = 3", ""),
    ],
)
def test_ledger_verify_names_what_was_tampered_with(cli, workspace, statement, named):
    good = cli("ledger", "verify", at=workspace)
    assert (good.code, good.out.startswith("ok: ")) == (0, True)
    tampered(workspace, statement)
    bad = cli("ledger", "verify", at=workspace)
    assert bad.code == 1
    assert named in bad.out
    assert "entry" in bad.out
    told = cli("ledger", "verify", "--json", at=workspace)
    assert (told.code, told.json["ok"]) == (1, False)
    assert told.json["problems"]


def test_the_database_refuses_edits(workspace):
    database = sqlite3.connect(workspace / ".pipemgr/ledger.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute("UPDATE ledger_entry SET message = ''")
    database.close()


def test_events(cli, workspace):
    every = cli("events", "--json", at=workspace).out.splitlines()
    assert [int(json.loads(line)["sequence"]) for line in every] == [*range(1, len(every) + 1)]
    assert all(json.loads(line)["specversion"] == "1.0" for line in every)
    assert cli("events", "--json", "--after", str(len(every)), at=workspace).out == ""
    named = cli("events", "--name", "build.create", at=workspace).out
    assert re.fullmatch(r" +\d+  build\.create +#1\n", named)
    assert len(cli("events", "-n", "3", at=workspace).out.splitlines()) == 3


def test_ledger_show_of_a_build(cli, workspace):
    said = cli("ledger", "show", "hello#1", at=workspace)
    assert "hello#1 attempt 1: finished success" in said.out
    assert cli("ledger", "show", "hello#9", at=workspace).code == 1


# the rest ----------------------------------------------------------------------------------------------------


def test_init_makes_a_workspace_and_never_overwrites(cli, tmp_path):
    said = cli("init", "new place")
    assert said.code == 0
    assert said.out.endswith("Next: cd 'new place' && pipemgr plan\n")
    assert cli("plan", at=tmp_path / "new place").code == 2
    assert "there is a workspace already" in cli("init", "new place").err
    assert cli("-C", "new place", "init").code == 1


def test_adapter_show_of_none(cli):
    said = cli("adapter", "show", "lokal")
    assert said.code == 1
    assert "did you mean 'local'?" in said.err


def test_doctor_tells_everything_that_is_wrong(cli, workspace):
    assert cli("doctor", at=workspace).code == 0
    toml = workspace / "pipemgr.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text + '[connections.other]\nadapter = "nope"\n', encoding="utf-8")
    written(workspace, "pipelines/bad.yaml", "pipeline: [\n")
    said = cli("doctor", at=workspace)
    assert said.code == 1
    wrong = [line.split(":")[0] for line in said.out.splitlines() if line.startswith("WRONG")]
    assert wrong == ["WRONG  definitions", "WRONG  connection other"]
    told = cli("doctor", "--json", at=workspace)
    assert (told.code, [one["well"] for one in told.json].count(False)) == (1, 2)
    assert cli("doctor").code == 1


@pytest.mark.parametrize("subject", ["pipeline", "config"])
def test_schemas_are_json_schemas(cli, subject):
    assert cli("schema", subject).json["$schema"].startswith("https://json-schema.org/")


def test_connection_check(cli, workspace):
    assert cli("connection", "check", "local", at=workspace).out.startswith("ok  local: act ")
    assert cli("connection", "check", "nope", at=workspace).code == 1
    toml = workspace / "pipemgr.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text + 'settings = {directory = "missing"}\n', encoding="utf-8")
    said = cli("connection", "check", at=workspace)
    assert said.code == 1
    assert said.out.startswith("failed  local: ")
    (told,) = cli("connection", "check", "--json", at=workspace).json
    assert told["ok"] is False
    assert told["remedy"]


def test_an_invalid_file_is_told_and_the_others_are_planned_and_applied(cli, tmp_path):
    create(tmp_path / "w")
    (tmp_path / "w/pipelines/bad.yaml").write_text("pipeline: [\n", encoding="utf-8")
    for command in ("plan", "apply"):
        said = cli(command, at=tmp_path / "w")
        assert said.code == 1
        assert "pipelines/bad.yaml:2:1: not valid YAML" in said.err
        assert "hello" in said.out
    said = cli("plan", "--json", at=tmp_path / "w")
    assert (said.code, said.json["changes"], said.json["invalid"][0]["where"]) == (
        1,
        0,
        "pipelines/bad.yaml:2:1",
    )
