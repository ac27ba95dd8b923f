"""Workers: who is gone, who lives, and who may live."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipemgr.ingest.worker import is_gone, me

CODE = "import sys; from pipemgr.ingest.worker import me; print(me(), flush=True); sys.stdin.read()"


@pytest.fixture
def other():
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_this_process_lives():
    assert not is_gone(me())
    assert me() == me()


def test_another_process_lives_until_it_is_dead(other):
    name = other.stdout.readline().strip()
    assert name.split(":")[1] == str(other.pid)
    assert name != me()
    assert not is_gone(name)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(name), "dead, but nobody has asked for its exit code yet"
    other.wait()
    assert is_gone(name)


def test_a_later_process_of_the_same_number_is_another_one():
    host, number, started = me().split(":")
    assert is_gone(f"{host}:{number}:{int(started) - 1}")


def test_somebody_elsewhere_may_live():
    host, number, started = me().split(":")
    assert not is_gone(f"elsewhere/{host.partition('/')[2]}:{number}:{started}")
    assert not is_gone(f"{host.partition('/')[0]}/1:{number}:{started}")


@pytest.mark.parametrize("name", ["", ":", "x", "somebody", "a:b:c"])
def test_names_that_nobody_gave_are_nobody_known(name):
    assert not is_gone(name)


def test_numbers_that_no_process_has():
    host = me().partition(":")[0]
    assert is_gone(f"{host}:99999999999999999999:1")
    assert is_gone(f"{host}:{Path('/proc/sys/kernel/pid_max').read_text(encoding='utf-8').strip()}:1")
