"""A workspace in which nothing happened yet, and a vendor that does as it is told."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter.base import Adapter, LogChunk, PollPage
from pipemgr.config import find
from pipemgr.errors import NotFound
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.model.runs import Build, BuildInstance, BuildLog, BuildRef
from pipemgr.model.status import Result, State, Status
from pipemgr.service.runtime import Runtime
from pipemgr.service.workspace import create

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def build(number: int, result: Result | None = Result.SUCCESS, **more: Any) -> BuildInstance:
    """A build of `hello` as a vendor shows it; running without a result."""
    state = State.RUNNING if result is None else State.FINISHED
    return BuildInstance(
        build=Build(pipeline="hello", external_id=str(number), number=number),
        external_id=str(number),
        status=Status(state=state, result=result),
        queued_at=NOON,
        started_at=NOON,
        finished_at=None if result is None else NOON,
        **more,
    )


class Vendor(Adapter):
    """Shows the builds it is given, a page of `size` each, and raises the error it is given for a call."""

    name = "fake"

    def __init__(self, *builds: BuildInstance, size: int = 100, texts: dict[str, str] | None = None) -> None:
        self.builds = {one.ref: one for one in builds}
        self.size = size
        self.texts = texts or {}
        self.errors: dict[Any, BaseException] = {}
        self.asked: list[Any] = []

    def show(self, *builds: BuildInstance) -> None:
        self.builds.update((one.ref, one) for one in builds)

    def _ask(self, *call: Any) -> None:
        self.asked.append(call)
        for name in (call, call[0]):
            if name in self.errors:
                raise self.errors[name]

    def poll(self, cursor: dict[str, Any]) -> PollPage:
        self._ask("poll", cursor.get("seen", 0))
        seen = cursor.get("seen", 0)
        every = list(self.builds.values())[seen:]
        page = every[: self.size]
        return PollPage(builds=page, cursor={"seen": seen + len(page)}, more=len(every) > self.size)

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        self._ask("snapshot", ref.build)
        if ref not in self.builds:
            raise NotFound(f"no build {ref.build}")
        return self.builds[ref]

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        self._ask("logs", log)
        text = self.texts[log][offset : offset + 50_000]
        done = offset + len(text) == len(self.texts[log])
        return LogChunk(text=text, offset=offset + len(text), complete=done)


def log(name: str, *, complete: bool = True) -> BuildLog:
    return BuildLog(name=name, complete=complete)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path}/ledger.db", blobs=tmp_path / "blobs")
    opened.store.register("fake", "fake")
    yield opened
    opened.close()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    create(tmp_path)
    opened = Runtime(find(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def vendors(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Runtime]:
    """Configures connections that lead to vendors of ours."""

    def configure(**vendors: Adapter) -> Runtime:
        lines = (f'[connections.{name}]\nadapter = "local"\n' for name in vendors)
        (runtime.workspace.path).write_text("".join(lines), encoding="utf-8")
        changed = Runtime(find(runtime.workspace.root))
        monkeypatch.setattr(changed, "adapter", vendors.__getitem__)
        runtime.close()
        runtime.__dict__.clear()
        runtime.__dict__.update(changed.__dict__)
        return runtime

    return configure
