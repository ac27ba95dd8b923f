"""The adapter: each verb in a few lines, on top of the store of files and the runner."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Final
from uuid import uuid4

from pydantic import JsonValue

from pipemgr.adapter import (
    Adapter,
    Connection,
    Cursor,
    Dialects,
    DocumentSet,
    LogChunk,
    NotFound,
    PollPage,
    Published,
    Reader,
    Refused,
    ServerInfo,
    Tables,
    UnsupportedCapability,
    Writer,
)
from pipemgr.model.runs import Artifact, BuildInstance, BuildRef, TestReport

from . import act, kept, runner
from .runs import VENDOR, Snapshot
from .settings import LocalSettings
from .store import Build, Finish, Request, Store, now
from .workflow import Workflow
from .writer import LocalWriter

LANGUAGE: Final = "github-actions"
"""Whose documents act executes."""
PAGE: Final = 100
"""How many builds one poll returns at most."""
BUSY: Final = 1.0
"""When to look again while something runs, in seconds."""
LARGEST: Final = 1 << 20
"""How much of a log is read at once, in bytes."""


class LocalAdapter(Adapter):
    """Runs pipelines on this machine with act. What is published and built are files in the state folder."""

    name: ClassVar[str] = VENDOR
    Settings = LocalSettings
    settings: LocalSettings

    def __init__(self, connection: Connection, settings: LocalSettings) -> None:
        super().__init__(connection, settings)
        self.store = Store(connection.state)
        self.directory = (connection.workspace / Path(settings.directory).expanduser()).resolve()

    @classmethod
    def language(cls, dialects: Dialects, tables: Tables) -> tuple[Reader, Writer]:
        """The borrowed language, with steps that need no network (`mappings/`, folder `local`)."""
        borrowed = dialects(LANGUAGE)
        return borrowed.reader, LocalWriter(borrowed.writer.with_tables(tables))

    def probe(self) -> ServerInfo:
        """Whether act is installed and the project is there."""
        version = act.version()
        if not self.directory.is_dir():
            raise Refused(
                f"the project folder {self.directory} does not exist",
                where=self.connection.name,
                remedy="set `directory` in the connection's settings",
            )
        self.store.prepare()
        return ServerInfo(
            name="act", version=version, identity=_login(), notes=(f"project: {self.directory}",)
        )

    # Definitions -----------------------------------------------------------------------------------------

    def pipelines(self) -> tuple[str, ...]:
        """The names of all published pipelines."""
        return self.store.pipelines()

    def fetch(self, ref: str) -> DocumentSet:
        """What is published."""
        return self.store.fetch(ref)

    def publish(self, ref: str, documents: DocumentSet, *, expected: str | None) -> Published:
        """Write the documents, unless somebody else has done so since the plan."""
        self.store.publish(ref, documents, expected)
        return Published(fingerprint=documents.fingerprint or "")

    def delete(self, ref: str, *, expected: str | None) -> None:
        """Remove the documents; builds stay."""
        self.store.delete(ref, expected)

    # Builds ----------------------------------------------------------------------------------------------

    def start(self, ref: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """Start a process that executes the published definition, and leave it to itself."""
        return self._start(ref, parameters)

    def rerun(self, ref: BuildRef, *, failed_only: bool = False) -> BuildRef:
        """A new build of the same definition with the same parameters, which points back."""
        if failed_only:
            raise UnsupportedCapability(
                "the local adapter cannot execute only what failed", remedy="execute the whole build again"
            )
        build = self.store.build(ref)
        return self._launch(
            build.request, build.workflow.read_text(encoding="utf-8"), again=build.request.number
        )

    def cancel(self, ref: BuildRef) -> None:
        """Ask the build's runner to stop; a finished build stays as it is."""
        build = self.store.build(ref)
        if build.finish is None:
            build.cancelled.touch()

    def poll(self, cursor: Cursor) -> PollPage:
        """Builds with higher numbers than the cursor has seen, oldest first in each pipeline."""
        known = cursor.get("seen")
        seen = dict(known) if isinstance(known, dict) else {}
        new = [
            BuildRef(pipeline=pipeline, build=str(number))
            for pipeline in self.store.built()
            for number in self.store.numbers(pipeline)
            if number > _number(seen.get(pipeline))
        ]
        builds = tuple(self.snapshot(ref) for ref in new[:PAGE])
        seen.update({one.build.pipeline: one.build.number for one in builds})
        running = any(not one.status.finished for one in builds)
        return PollPage(
            builds=builds, cursor={"seen": seen}, more=len(new) > PAGE, wait=BUSY if running else None
        )

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """The build as its files tell; one whose runner died is ended here."""
        build = self.store.build(ref)
        _bury(build)
        return self._look(build).instance()

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """Part of a log, cut between characters."""
        found = self._look(self.store.build(ref)).log(log)
        if found is None:
            raise NotFound(f"build {ref.build} of {ref.pipeline!r} has no log {log!r}")
        path, done = found
        return _chunk(path, offset, done)

    def artifacts(self, ref: BuildRef) -> tuple[Artifact, ...]:
        """The files that the build kept."""
        return tuple(kept.artifacts(self.store.build(ref), self.snapshot(ref).stages))

    def download(self, ref: BuildRef, artifact: str) -> Iterator[bytes]:
        """What is in a file that the build kept."""
        return kept.content(self.store.build(ref), ref, artifact)

    def tests(self, ref: BuildRef) -> TestReport | None:
        """The cases of the JUnit reports that the build kept."""
        return kept.tests(self.store.build(ref))

    def _look(self, build: Build) -> Snapshot:
        return Snapshot(build, self.connection.tables.statuses)

    def _start(self, ref: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        documents = self.store.fetch(ref)
        if not documents:
            raise NotFound(f"no pipeline {ref!r} is published", remedy="publish it: pipemgr apply")
        workflow = Workflow.of(documents, ref)
        commit, branch = act.revision(self.directory)
        request = Request(
            number=0,
            pipeline=ref,
            directory=str(self.directory),
            workflow=workflow,
            arguments=workflow.arguments(parameters),
            timeout=self.settings.timeout,
            requested_at=now(),
            mark="",
            actor=_login(),
            commit=commit,
            branch=branch,
        )
        return self._launch(request, next(iter(documents)).text)

    def _launch(self, request: Request, text: str, again: int | None = None) -> BuildRef:
        act.find()
        fresh = {
            "mark": uuid4().hex,
            "requested_at": now(),
            "again": again,
            "environment": self.settings.environment,
        }
        build, lock = self.store.add(request.model_copy(update=fresh), text)
        try:
            runner.start(build, lock)
        except OSError as error:
            build.end(Finish(word="error", finished_at=now(), reason=str(error)))
            raise Refused(str(error), where=self.connection.name) from None
        return BuildRef(pipeline=request.pipeline, build=build.folder.name)


def _bury(build: Build) -> None:
    """End a build whose runner is dead: its lock is free, and no end is written down."""
    if build.finish is not None:
        return
    try:
        lock = build.lock()
    except BlockingIOError:
        return
    try:
        if build.finish is None:
            act.clean(build, build.request)
            build.end(Finish(word="died", finished_at=now(), reason="the process that executed it died"))
    finally:
        os.close(lock)


def _chunk(path: Path, offset: int, done: bool) -> LogChunk:
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(LARGEST)
        whole = not file.read(1)
    if not (whole and done):
        data = data[: _boundary(data)]
    text = data.decode("utf-8", "replace")
    return LogChunk(text=text, offset=offset + len(data), complete=whole and done)


def _boundary(data: bytes) -> int:
    """Where the last whole character of UTF-8 ends: at most three bytes before the end."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead & 0xC0 != 0x80:  # noqa: PLR2004 - not a continuation byte
            length = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4  # noqa: PLR2004
            return len(data) if back >= length else len(data) - back
    return len(data)


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
