"""A full disk: a clear error, nothing half done, and all well as soon as there is space again."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipemgr.service.workspace import create

from .conftest import PIPEMGR, Ran, Workspace, environment

pytestmark = pytest.mark.slow
SPACES = {
    "sync": (0, 8, 40, 80, 120, 160, 240),
    "apply": (40,),
    "build start hello": (0, 40),
    "poll": (0, 40),
    "ledger verify": (0,),
}
"""Kilobytes that are left when a command begins."""
DISK = ("unshare", "--user", "--map-root-user", "--mount")
MOUNT = 'mount -t tmpfs -o size=6m full "$0" && cp -r "$1"/. "$0" && cd "$0" && exec "$2" -c "$3" "$4"'
INSIDE = """
import json, os, pathlib, subprocess, sys
fill, told = pathlib.Path('fill'), []
def run(words):
    done = subprocess.run([sys.executable, '-m', 'pipemgr', *words], capture_output=True, text=True)
    return [words, done.returncode, done.stdout, done.stderr]
def fill_up(left):
    with fill.open('wb', buffering=0) as file:
        try:
            while file.write(bytes(1024)) == 1024:
                pass
        except OSError:
            pass
        size = max(file.seek(0, 2) - left * 1024, 0)
        file.truncate(size)
for turn, (left, words) in enumerate(json.loads(sys.argv[1])):
    hello = pathlib.Path('pipelines/hello.yaml')
    hello.write_text(hello.read_text().replace(f'default: world{turn}', f'default: world{turn + 1}'))
    fill_up(left)
    full = run(words)
    fill.unlink()
    told.append([full, run(['ledger', 'verify']), run(['sync']), run(['plan'])])
print(json.dumps(told))
"""


def mounts() -> bool:
    """Whether a small disk can be had here: a name space of one's own, in which even no root may mount."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run([*DISK, "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("disk") / "ready"
    create(root)
    workspace = Workspace(root)
    workspace.edit("hello", "default: world", "default: world0")
    workspace.well("sync")
    workspace.well("build", "start", "hello", "--wait")
    return root


@pytest.fixture
def ready(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "ready")


@pytest.mark.skipif(not mounts(), reason="this machine lets nobody mount a small disk")
def test_a_full_disk_is_told_and_harms_nothing(ready, tmp_path):
    turns = [(left, words.split()) for words, spaces in SPACES.items() for left in spaces]
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        [*DISK, "sh", "-c", MOUNT, tmp_path / "disk", ready, sys.executable, INSIDE, json.dumps(turns)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    full = 0
    for (words, code, out, err), *after in json.loads(done.stdout):
        assert "Traceback" not in err, f"{words}\n{err}"
        assert code in (0, 1), (words, out, err)
        if code:
            full += 1
            assert "full" in err or "space" in err, (words, err)
            assert len(err.splitlines()) <= 4, err
        for words_after, code_after, out_after, err_after in after:
            assert code_after == 0, (words, err, words_after, out_after, err_after)
    assert full >= len(SPACES), "the disk was never full"


@pytest.mark.parametrize("words", SPACES)
@pytest.mark.parametrize("largest", [0, 1 << 16])
def test_a_file_that_may_not_grow_is_told_and_harms_nothing(ready, words, largest):
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    workspace = Workspace(ready)
    workspace.edit("hello", "default: world0", "default: world1")
    done = subprocess.run(
        [*PIPEMGR, *words.split()],
        cwd=ready,
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=limited,
        timeout=60,
        check=False,
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in ran.err, ran.err
    assert ran.code in (0, 1)
    assert ran.err or not ran.code
    workspace.well("ledger", "verify")
    workspace.well("sync")
    workspace.well("plan")


@pytest.mark.parametrize(
    "words",
    [
        "build list",
        "ledger show",
        "events",
        "schema pipeline",
        "convert pipelines/hello.yaml --from native --to github-actions",
        "--help",
    ],
)
def test_output_that_can_not_be_written_is_told(ready, words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PIPEMGR, *words.split()],
            cwd=ready,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode() == "error: No space left on device\n"
