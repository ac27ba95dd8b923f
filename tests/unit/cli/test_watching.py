"""`pipemgr poll --watch`, `worker` and `beat`: what they print, and how they end."""

import json
import signal
import subprocess
import sys
import time

import pytest

from pipemgr.cli.watching import Lines
from pipemgr.errors import Unreachable
from pipemgr.ingest.poller import Polled

AWAY = Unreachable("no answer", where="ci", remedy="is it up?")


def test_only_polls_that_saw_something_have_a_line(capsys):
    lines = Lines(as_json=False)
    lines("ci", Polled(connection="ci", builds=3))
    assert capsys.readouterr().out == ""
    lines("ci", Polled(connection="ci", builds=3, changes=2, problems=("web 7: broken \x1b[2J",)))
    said = capsys.readouterr()
    assert said.out.endswith(" ci: 3 builds looked at, 2 changes recorded\n")
    assert said.err == "  web 7: broken \\x1b[2J\n"


def test_a_failure_is_told_once_until_it_changes(capsys):
    lines = Lines(as_json=False)
    for _turn in range(3):
        lines("ci", AWAY)
    lines("other", AWAY)
    lines("ci", Unreachable("certificate expired", where="ci"))
    said = capsys.readouterr()
    assert said.err.count("no answer") == 2
    assert said.err.count("is it up?") == 2
    assert said.err.count("certificate expired") == 1
    lines("ci", Polled(connection="ci"))
    assert capsys.readouterr().out.endswith(" ci answers again\n")
    lines("ci", Polled(connection="ci"))
    assert capsys.readouterr().out == ""


def test_as_json_each_line_is_an_object(capsys):
    lines = Lines(as_json=True)
    lines("ci", Polled(connection="ci", builds=1, changes=1, problems=("x",)))
    lines("ci", AWAY)
    lines("ci", Polled(connection="ci"))
    lines.end(2)
    said = capsys.readouterr()
    told = [json.loads(line) for line in said.out.splitlines()]
    assert [one["step"] for one in told] == ["poll", "failure", "restored", "end"]
    assert all(one["time"] for one in told)
    assert (told[1]["connection"], told[1]["remedy"]) == ("ci", "is it up?")
    assert told[3]["unfinished"] == 2
    assert said.err == ""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_watching_in_good_order(fresh, number, code):
    words = [sys.executable, "-m", "pipemgr", "poll", "--watch", "--json"]
    process = subprocess.Popen(words, cwd=fresh, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (fresh / ".pipemgr" / "ledger.db").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, b"")


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_without_a_broker_the_key_is_named(cli, fresh, command):
    said = cli(command, at=fresh)
    assert said.code == 1
    assert "no broker is configured" in said.err
    assert '[polling] broker = "redis://HOST/0"' in said.err


def test_an_unknown_engine_or_connection_is_told(cli, fresh):
    assert "installed: celery, embedded" in cli("poll", "--watch", "--engine", "kafka", at=fresh).err
    assert "configured: local" in cli("poll", "--watch", "-c", "nobody", at=fresh).err
