"""A Jenkins of a world's builds, an adapter that asks it, and where the recordings lie."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Connection, Cursor
from pipemgr.adapter.registry import Registry
from pipemgr.model.runs import BuildInstance, BuildRef
from pipemgr.testing.fakes.jenkins import JenkinsFake
from pipemgr.testing.fakes.world import BEGINNING, World
from pipemgr_jenkins import JenkinsAdapter
from pipemgr_jenkins import adapter as module
from pipemgr_jenkins.settings import JenkinsSettings


class Jenkins:
    """The adapter beside its fake, and the few phrases that tests speak in."""

    def __init__(self, fake: JenkinsFake, make: Callable[..., JenkinsAdapter]) -> None:
        self.fake, self.world, self.make = fake, fake.world, make
        self.adapter = make()
        self.cursor: Cursor = {}

    def poll(self) -> list[BuildRef]:
        """Everything that is new, page by page."""
        found: list[BuildRef] = []
        while True:
            page = self.adapter.poll(self.cursor)
            assert not page.more or page.cursor != self.cursor
            self.cursor = json.loads(json.dumps(page.cursor))
            found += page.seen
            if not page.more:
                return found

    def numbers(self) -> list[int]:
        return [number(ref) for ref in self.poll()]

    def look(self) -> BuildInstance:
        """The one build that is new."""
        (ref,) = self.poll()
        return self.adapter.snapshot(ref)

    def asked(self, since: int) -> list[str]:
        return [f"{call.method} {call.path}" for call in self.fake.asked(since)]


def number(ref: BuildRef) -> int:
    return int(ref.build.partition("-")[0])


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENKINS_TOKEN", "11fake-token")
    monkeypatch.setenv("JENKINS_HOOK", "made-up-hook-secret")


@pytest.fixture
def jenkins(tmp_path: Path, token: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Jenkins]]:
    """Makes a server with its adapter; the arguments are those of `JenkinsFake`."""
    fakes: list[JenkinsFake] = []
    monkeypatch.setattr(module.JenkinsAdapter, "_now", lambda _: fakes[-1].world.now)
    registry = Registry()

    def serve(**knobs: Any) -> Jenkins:
        fake = JenkinsFake(knobs.pop("world", None) or World(), **knobs).__enter__()
        fakes.append(fake)

        def make(**changes: Any) -> JenkinsAdapter:
            settings = {"url": fake.url, "user": fake.user, "token": "env:JENKINS_TOKEN", "start_wait": 5}
            place = Connection(
                "ci", tmp_path, tmp_path / "state", registry.dialect, registry.tables("jenkins")
            )
            return JenkinsAdapter(place, JenkinsSettings.model_validate(settings | changes))

        return Jenkins(fake, make)

    yield serve
    for fake in fakes:
        fake.__exit__(None, None, None)
        assert fake.wrong == []


@pytest.fixture
def begun() -> Any:
    """When the world's history begins."""
    return BEGINNING


@pytest.fixture(scope="session")
def recordings() -> list[dict[str, Any]]:
    """All exchanges that were recorded from a real Jenkins."""
    named = os.environ.get("PIPEMGR_RECORDINGS")
    if not named:
        pytest.skip("PIPEMGR_RECORDINGS is not set: no recorded traffic is read")
    files = sorted((Path(named) / "jenkins").glob("**/*.json"))
    assert len(files) >= 400
    read = [json.loads(file.read_text(encoding="utf-8")) | {"file": file.name} for file in files]
    return [one for one in read if "request" in one]
