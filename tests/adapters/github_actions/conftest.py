"""A workflow in, a workflow out; and a fake GitHub with the adapter that speaks to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Connection, Dialect, Reading, Tables, Writing, single
from pipemgr.model.definitions import Pipeline
from pipemgr.testing.fakes.github import GitHub
from pipemgr.testing.fakes.world import World
from pipemgr_github_actions import GitHubActionsAdapter, GitHubActionsReader, GitHubActionsWriter

Read = Callable[[str], Reading]
Write = Callable[[Pipeline], Writing]
Connect = Callable[..., GitHubActionsAdapter]
PATH = ".github/workflows/ci.yml"
TOKEN = "ghp_a-made-up-token"
SECRET = "a made-up webhook secret"


@pytest.fixture
def read() -> Read:
    reader = GitHubActionsReader()
    return lambda text: reader.read(single(PATH, text))


@pytest.fixture
def write() -> Write:
    return GitHubActionsWriter().write


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def github(world: World) -> Iterator[GitHub]:
    with GitHub(world, token=TOKEN) as fake:
        yield fake
        assert fake.wrong == []


def _no_dialect(name: str) -> Dialect:
    raise AssertionError(name)


@pytest.fixture
def connect(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Makes the adapter, with settings over those that fit the fake."""
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    made: list[GitHubActionsAdapter] = []

    def connected(**settings: Any) -> GitHubActionsAdapter:
        given = {
            "url": github.url,
            "token": "env:GITHUB_TOKEN",
            "repositories": ["acme/shop"],
            "webhook_secret": "env:WEBHOOK_SECRET",
        } | settings
        connection = Connection("gh", tmp_path, tmp_path / "state", _no_dialect, Tables.of("github-actions"))
        made.append(GitHubActionsAdapter(connection, GitHubActionsAdapter.Settings.model_validate(given)))
        return made[-1]

    yield connected
    for one in made:
        one.client.close()


@pytest.fixture
def adapter(connect: Connect) -> GitHubActionsAdapter:
    return connect()
