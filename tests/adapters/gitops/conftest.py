"""A bare repository with a checkout that pushes to it, and an adapter that follows it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Connection, Cursor, PollPage
from pipemgr.adapter.registry import Registry
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.model.reports import Report
from pipemgr.model.runs import BuildInstance, StageInstance
from pipemgr_gitops import GitOpsAdapter
from pipemgr_gitops.settings import GitOpsSettings

CLEAN = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


class Work:
    """The repository that people and controllers push to. Its clock is ten minutes late, and moves on."""

    def __init__(self, folder: Path) -> None:
        self.bare, self.tree = folder / "deploy.git", folder / "tree"
        self.clock = int(time.time()) - 600
        self._run("init", "-q", "--bare", "-b", "main", str(self.bare), cwd=folder)
        self._run("init", "-q", "-b", "main", str(self.tree), cwd=folder)
        self.git("remote", "add", "origin", str(self.bare))

    def _run(self, *words: str, cwd: Path) -> str:
        self.clock += 1
        dates = {"GIT_AUTHOR_DATE": f"@{self.clock} +0000", "GIT_COMMITTER_DATE": f"@{self.clock} +0000"}
        done = subprocess.run(
            ["git", *words], cwd=cwd, env={**CLEAN, **dates}, capture_output=True, check=True, timeout=60
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def git(self, *words: str) -> str:
        return self._run(*words, cwd=self.tree)

    def commit(self, files: dict[str, str], message: str = "change") -> str:
        for name, text in files.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *more: str) -> None:
        self.git("push", "-q", "origin", "HEAD", *more)

    def deploy(self, version: object = 1, pipeline: str = "shop") -> str:
        sha = self.commit({f"apps/{pipeline}/app.yaml": f"version: {version}\n"}, f"{pipeline} {version}")
        self.push()
        return sha

    def report(self, revision: str, phase: str, environment: str = "prod", **more: Any) -> None:
        report = Report(pipeline="apps/shop", environment=environment, revision=revision, phase=phase, **more)
        self.commit({f"pipemgr/status/{environment}/apps/shop.json": report.text()}, "report")
        self.push()


class Follower:
    """The adapter with its cursor, and the newest snapshot of each attempt."""

    def __init__(self, adapter: GitOpsAdapter) -> None:
        self.adapter = adapter
        self.cursor: Cursor = {}
        self.seen: dict[tuple[str, str, int], BuildInstance] = {}

    def poll(self) -> list[PollPage]:
        pages = []
        while True:
            page = self.adapter.poll(self.cursor)
            self.cursor = page.cursor
            self.seen.update(
                {(one.build.pipeline, one.build.external_id, one.attempt): one for one in page.builds}
            )
            pages.append(page)
            if not page.more:
                return pages

    def attempts(self, sha: str, pipeline: str = "apps/shop") -> list[BuildInstance]:
        return [one for key, one in sorted(self.seen.items()) if key[:2] == (pipeline, sha)]

    def results(self, sha: str, pipeline: str = "apps/shop") -> list[str]:
        return [str(one.status.result or one.status.state) for one in self.attempts(sha, pipeline)]


def stage(build: BuildInstance, name: str) -> StageInstance:
    (found,) = (one for one in build.stages if one.name == name)
    return found


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


@pytest.fixture
def follow(work: Work, tmp_path: Path) -> Callable[..., Follower]:
    def make(**settings: Any) -> Follower:
        place = Connection(
            name="deploy",
            workspace=tmp_path,
            state=tmp_path / "state",
            dialect=Registry().dialect,
            tables=Registry().tables("gitops"),
        )
        given = {"repository": str(work.bare), "directories": ("apps/*",), **settings}
        return Follower(GitOpsAdapter(place, GitOpsSettings(**given)))

    return make


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()
