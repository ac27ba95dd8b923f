"""A connection of the local adapter in a workspace of its own, and workflows to run on it."""

import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Connection, DocumentSet, single
from pipemgr.adapter.registry import Registry
from pipemgr.model.runs import BuildInstance, BuildRef, StageInstance, StepInstance
from pipemgr_local import LocalAdapter, processes
from pipemgr_local.settings import LocalSettings

PATIENCE = 60.0
HEAD = "name: {name}\non: {{workflow_dispatch: {{}}}}\n"


def workflow(body: str, name: str = "ci") -> DocumentSet:
    """A workflow of these jobs; or with keys of its own, when it has an `on`."""
    text = textwrap.dedent(body)
    return single(f".github/workflows/{name}.yml", text if "\non:" in text else HEAD.format(name=name) + text)


class Local:
    """The adapter, and the few phrases that tests speak in."""

    def __init__(self, adapter: LocalAdapter) -> None:
        self.adapter = adapter

    def publish(self, body: str, name: str = "ci") -> None:
        documents = workflow(body, name)
        self.adapter.publish(name, documents, expected=self.adapter.fetch(name).fingerprint)

    def start(self, body: str, name: str = "ci", **parameters: Any) -> BuildRef:
        self.publish(body, name)
        return self.adapter.start(name, parameters)

    def wait(self, ref: BuildRef, until: Callable[[BuildInstance], bool] | None = None) -> BuildInstance:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            build = self.adapter.snapshot(ref)
            if until(build) if until else build.status.finished:
                return build
            time.sleep(0.05)
        raise AssertionError(f"still {build.status} after {PATIENCE} s")

    def run(self, body: str, **parameters: Any) -> BuildInstance:
        return self.wait(self.start(body, **parameters))

    def log(self, build: BuildInstance, name: str) -> str:
        text, offset = "", 0
        while True:
            chunk = self.adapter.logs(build.ref, name, offset)
            text, offset = text + chunk.text, chunk.offset
            if chunk.complete:
                return text

    def mark(self, ref: BuildRef) -> str:
        return self.adapter.store.build(ref).request.mark


def stage(build: BuildInstance, name: str) -> StageInstance:
    (found,) = (one for one in build.stages if one.external_id == name)
    return found


def step(build: BuildInstance, stage_name: str, name: str) -> StepInstance:
    (found,) = (one for one in stage(build, stage_name).steps if one.external_id == name)
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "a project"  # with a blank, for every test
    folder.mkdir()
    (folder / "hello.txt").write_text("hello\n", encoding="utf-8")
    return folder


@pytest.fixture
def make(workspace: Path) -> Iterator[Callable[..., Local]]:
    made: list[Local] = []

    def make(**settings: Any) -> Local:
        place = Connection(
            name="here",
            workspace=workspace,
            state=workspace / ".pipemgr" / "connections" / "here",
            dialect=Registry().dialect,
            tables=Registry().tables("local"),
        )
        made.append(Local(LocalAdapter(place, LocalSettings(**settings))))
        return made[-1]

    yield make
    for local in made:
        for pipeline in local.adapter.store.built():
            for number in local.adapter.store.numbers(pipeline):
                processes.end(local.mark(BuildRef(pipeline=pipeline, build=str(number))))


@pytest.fixture
def local(make: Callable[..., Local]) -> Local:
    return make()
