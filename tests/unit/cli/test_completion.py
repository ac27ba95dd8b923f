"""Shell completion: scripts, and what is offered for words of the user's own."""

import shutil

import pytest
from click.shell_completion import ShellComplete

from pipemgr.cli.main import COMMANDS
from pipemgr.cli.main import cli as root

SHELLS = {"bash": "complete -o nosort -F", "zsh": "compdef", "fish": "complete --no-files"}


def offered(*words: str, last: str = "") -> list[str]:
    completion = ShellComplete(root, {}, "pipemgr", "_PIPEMGR_COMPLETE")
    return [one.value for one in completion.get_completions(list(words), last)]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_every_shell(cli, shell):
    said = cli("completion", shell)
    assert SHELLS[shell] in said.out
    assert cli("completion", shell, "--json").json == {"shell": shell, "script": said.out.removesuffix("\n")}


def test_commands_and_options():
    assert offered() == list(COMMANDS)
    assert offered(last="con") == ["convert", "connection"]
    assert offered("build") == [
        "approve",
        "artifacts",
        "cancel",
        "list",
        "logs",
        "rerun",
        "show",
        "start",
        "tests",
        "watch",
    ]
    assert "--strictness" in offered("convert", "x", last="--st")
    assert offered("convert", "x", "--strictness") == ["report", "warn", "refuse"]


def test_words_of_the_user(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    assert offered("convert", "x", "--from", last="nat") == ["native"]
    assert offered("poll", "-c") == ["local"]
    assert offered("connection", "check") == ["local"]
    assert offered("build", "start") == ["hello"]
    assert offered("build", "show", last="he") == ["hello#1"]
    assert offered("build", "logs", last="x") == []
    assert offered("ledger", "show") == ["hello#1"]
    assert offered("adapter", "show", last="l") == ["local"]
    assert offered("build", "list", "--pipeline") == ["hello"]
    assert offered("build", "logs", "hello#1", "--stage") == ["greet"]
    assert "Say hello" in offered("build", "logs", "hello#1", "--step")
    assert offered("build", "logs", "nope#1", "--step") == []
    assert offered("build", "list", "--trigger") == ["manual"]
    assert offered("build", "list", "--columns", last="build,sta") == ["build,status", "build,started"]
    assert offered("connection", "show") == offered("webhook", "receive") == ["local"]
    assert offered("gaps", "--close") == offered("quarantine", "retry") == []
    assert "build.create" in offered("events", "--name", last="build.")


def test_nothing_is_offered_made_or_said_where_there_is_nothing(tmp_path, fresh, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert offered("build", "show") == offered("poll", "-c") == offered("build", "start") == []
    monkeypatch.chdir(fresh)
    before = sorted(fresh.rglob("*"))
    assert offered("build", "show") == offered("build", "start") == []
    assert offered("poll", "-c") == ["local"]
    assert sorted(fresh.rglob("*")) == before
    (fresh / "pipemgr.toml").write_text("nonsense", encoding="utf-8")
    assert offered("poll", "-c") == []
    assert capsys.readouterr() == ("", "")


def test_the_named_folder_counts(workspace, monkeypatch, tmp_path):
    other = shutil.copytree(workspace, tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    assert offered("-C", str(other), "build", "show") == ["hello#1"]
