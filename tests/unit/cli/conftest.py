"""The command line in this process, and a small workspace with one build."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipemgr.cli import build_options
from pipemgr.cli.main import main
from pipemgr.service import builds, syncing
from pipemgr.service.following import Rhythm
from pipemgr.service.runtime import opened
from pipemgr.service.workspace import create


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Runs a command in the folder `at`, a new one unless given."""

    def run(*words: str | Path, at: Path = tmp_path) -> Said:
        monkeypatch.chdir(at)
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return Said(int(left.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose pipeline was published and executed once. Not to be changed."""
    root = tmp_path_factory.mktemp("cli") / "workspace"
    create(root)
    with opened(root) as runtime:
        list(syncing.sync(runtime))
        started = builds.start(runtime, "hello", {"who": "tests"})
        syncing.wait_for(runtime, [started], pause=lambda: None)
    return root


@pytest.fixture
def workspace(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "workspace")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A workspace in which nothing happened yet."""
    root = tmp_path / "fresh"
    create(root)
    return root


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long commands that follow something would have slept; they don't."""
    slept: list[float] = []
    monkeypatch.setattr(build_options, "Rhythm", lambda seconds, **_: Rhythm(seconds, sleep=slept.append))
    return slept
