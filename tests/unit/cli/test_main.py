"""The frame of the command line: help, versions, errors, output that nobody reads."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import click
import pytest

import pipemgr
from pipemgr.cli.main import COMMANDS
from pipemgr.cli.main import cli as root

PIPEMGR = (sys.executable, "-m", "pipemgr")


def leaves(
    command: click.Command = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, by its words."""
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from leaves(below, (*path, name))
    else:
        yield path, command


LEAVES = dict(leaves())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_tells_what_the_commands_tell(name):
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert command.name == name
    assert COMMANDS[name][1] == command.get_short_help_str(limit=200)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_help_and_takes_json(cli, path):
    assert LEAVES[path].callback.__doc__
    assert "--json" in {option for one in LEAVES[path].params for option in one.opts}
    said = cli(*path, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: pipemgr {' '.join(path)}")
    assert all(one.help for one in LEAVES[path].params if isinstance(one, click.Option)), (
        "an option without help"
    )


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["build"], ["ledger", "--help"]])
def test_help_needs_no_workspace(cli, words):
    said = cli(*words)
    assert "Usage: pipemgr" in said.out + said.err
    assert said.code == (0 if words and words[-1].startswith("-") else 2)


def test_version(cli):
    assert cli("--version").out == f"pipemgr, version {pipemgr.__version__}\n"
    done = subprocess.run([*PIPEMGR, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"pipemgr, version {pipemgr.__version__}\n"


def test_help_imports_none_of_the_heavy_parts():
    code = (
        "import sys; from pipemgr.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print([m for m in sys.modules if m.split('.')[0] in"
        " ('pydantic', 'sqlalchemy', 'yaml', 'ruamel', 'alembic', 'requests', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["build", "nope"],
        ["build", "show"],
        ["build", "list", "--state", "nope"],
        ["build", "list", "--limit", "0"],
        ["validate"],
        ["validate", "x", "--from", "nope"],
        ["convert", "x", "--from", "native"],
        ["convert", "x", "--from", "native", "--to", "nope"],
        ["convert", "x", "--from", "native", "--to", "native", "--strictness", "nope"],
        ["build", "start", "hello", "-p", "no-equals-sign"],
        ["events", "--after", "-1"],
        ["schema", "nope"],
        ["completion", "nope"],
        ["-C", "missing-folder", "plan"],
        ["--nope"],
        ["plan", "--nope"],
    ],
)
def test_wrong_usage_leaves_with_2(cli, words):
    said = cli(*words)
    assert (said.code, said.out) == (2, "")
    assert "Error: " in said.err
    if words[0] not in ("-C", "--nope"):
        told = cli(*words, "--json")
        assert (told.code, told.out) == (2, "")
        assert told.error["message"]


def test_an_unknown_vendor_is_told_which_ones_there_are(cli):
    said = cli("convert", "x", "--from", "nope", "--to", "native")
    assert "'nope' is not installed; choose from native, circleci, github-actions" in said.err


def test_an_adapter_that_translates_nothing_is_not_said_to_be_missing(cli):
    said = cli("convert", "x", "--from", "gitops", "--to", "native")
    assert said.code == 2
    assert "'gitops' reads and writes no definitions yet; choose from native," in said.err


def test_a_file_in_the_place_of_another_language_is_told_to_be_read_in_that_one(cli, tmp_path):
    config = tmp_path / ".circleci" / "config.yml"
    config.parent.mkdir()
    config.write_text(
        "version: 2.1\njobs: {build: {docker: [{image: a}], steps: [checkout]}}\n", encoding="utf-8"
    )
    said = cli("convert", config, "--from", "github-actions", "--to", "native")
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith("try: --from circleci, whose files lie there\n")
    assert "try: --from" not in cli("convert", "x.yml", "--from", "circleci", "--to", "native").err


def test_outside_a_workspace_the_remedy_is_told(cli, tmp_path):
    said = cli("plan")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        f"error: {tmp_path}: there is no pipemgr.toml here or above\n  try: make a workspace: pipemgr init\n"
    )
    told = cli("plan", "--json")
    assert told.error["where"] == str(tmp_path)
    assert told.error["remedy"] == "make a workspace: pipemgr init"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[ledgr]\n", "pipemgr.toml:1: ledgr: no such key; did you mean 'ledger'?"),
        ("[connections.a]\nadaptor = 'local'\n", "did you mean 'adapter'?"),
        ("[connections.a]\nadapter = 'lokal'\n", "no adapter 'lokal' is installed"),
        ("x = [\n", "not valid TOML"),
        (
            "[definitions]\nfiles = ['/etc/*.yaml']\n[connections.a]\nadapter = 'local'\n",
            "name files relative",
        ),
        ("[connections.a]\nadapter = 'local'\nsettings = {directry = 'x'}\n", "did you mean 'directory'?"),
    ],
)
def test_mistakes_in_the_configuration_name_the_line_and_the_remedy(cli, tmp_path, text, told):
    (tmp_path / "pipemgr.toml").write_text(text, encoding="utf-8")
    said = cli("plan")
    assert said.code == 1
    assert told in said.err
    assert "  try: " in said.err
    assert cli("plan", "--json").error["remedy"]


def test_one_who_stops_reading_stops_the_command(built):
    command = f"{sys.executable} -m pipemgr events --json | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=built, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_an_interrupt_ends_following_quietly(built):
    process = subprocess.Popen(
        [*PIPEMGR, "events", "--follow"], cwd=built, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "pipeline.create" in process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "")


@pytest.mark.parametrize(
    "words", [["build", "list"], ["build", "show", "hello#1"], ["doctor"], ["ledger", "verify"]]
)
def test_no_escape_codes_unless_a_person_watches(cli, workspace, words):
    assert "\x1b" not in cli(*words, at=workspace).out


def test_colours_on_a_terminal_unless_refused(built):
    command = f"{sys.executable} -m pipemgr build list"
    shown = subprocess.run(
        ["script", "-qec", command, "/dev/null"], cwd=built, capture_output=True, check=True
    )
    assert b"\x1b[32msuccess" in shown.stdout
    plain = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        cwd=built,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        check=True,
    )
    assert b"\x1b[" not in plain.stdout
    assert b"success" in plain.stdout


def test_a_terminal_that_knows_only_ascii_is_served(fresh):
    (fresh / "pipelines/hello.yaml").rename(fresh / "pipelines/grüß.yaml")
    for words in (
        "validate pipelines/grüß.yaml",
        "plan",
        "convert pipelines/grüß.yaml --from native --to native",
    ):
        done = subprocess.run(
            [*PIPEMGR, *words.split()],
            cwd=fresh,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=False,
        )
        assert done.returncode in (0, 2), done.stderr
        assert b"Traceback" not in done.stderr


def test_errors_of_strangers_can_not_rewrite_the_screen(cli, workspace):
    said = cli("build", "show", "\x1b[2J\nerror: fake", at=workspace)
    assert said.code == 1
    assert "\x1b" not in said.err
    assert len(said.err.splitlines()) == 2


def test_exit_codes_are_documented(cli):
    told = dict(re.findall(r"^ +(\d)  (.+)$", cli("--help").out, re.MULTILINE))
    assert set(told) == {"0", "1", "2", "3", "4"}


def test_errors_as_json_are_one_object(cli, workspace):
    said = cli("build", "show", "nope#9", "--json", at=workspace)
    assert (said.code, said.out) == (1, "")
    assert said.error == {
        "type": "NoSuchObject",
        "message": "the ledger has no build 'nope#9'",
        "where": None,
        "remedy": "`pipemgr build list` shows them",
        "problems": [],
    }
    (workspace / "pipelines/hello.yaml").write_text("pipeline: a\ntriggers: 1\nstages: 2\n", encoding="utf-8")
    problems = cli("plan", "--json", at=workspace).error["problems"]
    assert [one["where"] for one in problems] == ["pipelines/hello.yaml:2:1", "pipelines/hello.yaml:3:1"]


def test_json_of_every_kind_of_text(cli, tmp_path):
    said = cli("init", tmp_path / "grün", "--json")
    assert json.loads(said.out)["folder"] == str(tmp_path / "grün")
