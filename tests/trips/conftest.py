"""What all trips share: the program as a user starts it, and a workspace that the demonstration left."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PIPEMGR = (sys.executable, "-m", "pipemgr")
PATIENCE = 120
TABLES = ("ledger_entry", "outbox", "seal", "checkpoint")


@dataclass(frozen=True)
class Ran:
    """What a run of the program left on its way out."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment() -> dict[str, str]:
    """That of the tests, without what would lead the program to another workspace."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PIPEMGR_", "NO_COLOR"))
    }


def pipemgr(cwd: Path, *words: str | Path, **options: Any) -> Ran:
    done = subprocess.run(
        [*PIPEMGR, *map(str, words)],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Workspace:
    """A folder with a workspace, and the program in it."""

    root: Path

    def __call__(self, *words: str | Path, **options: Any) -> Ran:
        return pipemgr(self.root, *words, **options)

    def well(self, *words: str | Path) -> Ran:
        """Run a command that must succeed."""
        ran = self(*words)
        assert ran.code == 0, f"{words}: {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.root}/.pipemgr/ledger.db?mode=ro", uri=True) as database:
            found = database.execute(query).fetchall()
        database.close()
        return found

    def history(self) -> dict[str, Counter[tuple[Any, ...]]]:
        """Everything that may only ever grow."""
        return {table: Counter(self.rows(f"SELECT * FROM {table}")) for table in TABLES}

    def edit(self, pipeline: str, old: str, new: str) -> None:
        path = self.root / "pipelines" / f"{pipeline}.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Ran]:
    """The demonstration's workspace as it was left, and what was shown. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("trip") / "Mein Büro 日本 $HOME 'n' \"q\""
    ran = pipemgr(folder.parent, "demo", folder)
    return Workspace(folder), ran


@pytest.fixture
def workspace(demo: tuple[Workspace, Ran], tmp_path: Path) -> Workspace:
    """A copy of the demonstration's workspace."""
    root = tmp_path / "workspace"
    shutil.copytree(demo[0].root, root)
    return Workspace(root)


@pytest.fixture
def hello(tmp_path: Path) -> Callable[[], Workspace]:
    """Makes new workspaces with one small pipeline, nothing published and no ledger yet."""

    def make() -> Workspace:
        root = tmp_path / f"hello-{len(list(tmp_path.iterdir()))}"
        pipemgr(tmp_path, "init", root)
        return Workspace(root)

    return make
