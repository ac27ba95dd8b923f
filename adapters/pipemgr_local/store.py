"""The store: published definitions and builds, as files in the connection's state folder.

    pipelines/<pipeline>/<path of the document>      what is published
    builds/<pipeline>/<number>/
        request.json      what was asked for; written once
        workflow.yml      the definition as it ran
        lock              held (flock) while the build's runner lives
        events.jsonl      what happened, a line each; see `output`
        logs/             what the steps printed, and `act` itself
        artifacts/ reports/
        cancel            somebody wants it to stop
        finished.json     how it ended; written once, by renaming
        work/             act's own files; gone when the build is over

The files are the vendor here: any process may read them, and none needs to run for them to be true.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote
from uuid import uuid4

from pydantic import Field, ValidationError

from pipemgr.adapter import Conflict, Document, DocumentSet, NotFound, Refused
from pipemgr.model.base import Value
from pipemgr.model.runs import BuildRef, Moment

from .workflow import Workflow

PART: Final = ".part-"
"""Begins the names of files and folders that are not whole yet."""
LONGEST: Final = 240
"""The longest name of a folder, in bytes: file systems take 255."""
IGNORE: Final = "*\n"
"""Content of `.gitignore`: act copies a project without what its .gitignore files name."""


class Request(Value):
    """What was asked for when a build was started."""

    number: int
    pipeline: str
    directory: str
    workflow: Workflow
    arguments: dict[str, str] = Field(default_factory=dict)
    environment: tuple[str, ...] = ()
    """The names of the variables that the build may see; their values, which may be secrets, are on no disk."""
    timeout: int
    requested_at: Moment
    mark: str
    """Stands in the environment of every process of this build, and of no other."""
    actor: str = ""
    commit: str | None = None
    branch: str | None = None
    again: int | None = None
    """The number of the build that this one repeats."""


class Finish(Value):
    """How a build ended: a word of the table of statuses, and why."""

    word: str
    finished_at: Moment
    reason: str = ""


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def write(path: Path, text: str) -> None:
    """Write a whole file or nothing, and make sure that it survives a crash. Raises `Refused`."""
    part = path.with_name(f"{PART}{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, UnicodeEncodeError) as error:
        part.unlink(missing_ok=True)
        raise Refused(
            f"{path} can't be written: {error}", remedy="is the disk full, or the folder closed?"
        ) from None


def _quoted(name: str) -> str:
    """A name as a file's: any text becomes one safe component of a path. Raises `Refused` when it gets too long."""
    quoted = quote(name, safe="", errors="surrogatepass")
    if not 0 < len(quoted) <= LONGEST:
        raise Refused(f"{name[:40]!r} is no name for a pipeline here: too long, or empty", remedy="rename it")
    return "%2E" + quoted[1:] if quoted.startswith(".") else quoted


class Build:
    """The folder of one build."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts = folder / "artifacts"
        self.reports = folder / "reports"
        self.logs = folder / "logs"
        self.work = folder / "work"
        self.workflow = folder / "workflow.yml"
        self.events = folder / "events.jsonl"
        self.cancelled = folder / "cancel"
        self._finished = folder / "finished.json"

    @property
    def request(self) -> Request:
        """What was asked for; raises `Refused` when that is damaged, as after a power failure."""
        path = self.folder / "request.json"
        try:
            return Request.model_validate_json(path.read_bytes())
        except ValidationError:
            raise Refused(
                "is damaged: nobody can tell what this build was",
                where=str(path),
                remedy=f"remove the folder {self.folder}",
            ) from None

    @property
    def finish(self) -> Finish | None:
        """How it ended, once it has."""
        try:
            return Finish.model_validate_json(self._finished.read_bytes())
        except FileNotFoundError:
            return None

    def end(self, finish: Finish) -> None:
        """Remove what was only for working, and write down how it ended: from then on nothing changes."""
        shutil.rmtree(self.work, ignore_errors=True)
        write(self._finished, finish.model_dump_json())

    def lock(self) -> int:
        """Take the lock and return its descriptor; raises `BlockingIOError` while somebody holds it.

        The build's runner holds it as long as it lives, and no longer: the system sees to that.
        """
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise
        return descriptor


class Store:
    """All definitions and builds of one connection."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._pipelines = state / "pipelines"
        self._builds = state / "builds"

    def prepare(self) -> None:
        """Make the state folder, and keep it out of version control and of the copies that act makes."""
        if not (ignored := self.state / ".gitignore").exists():
            write(ignored, IGNORE)

    # Definitions -----------------------------------------------------------------------------------------

    def pipelines(self) -> tuple[str, ...]:
        """The names of all published pipelines, sorted."""
        found = (unquote(folder.name) for folder in _folders(self._pipelines) if _files(folder))
        return tuple(sorted(found))

    def fetch(self, pipeline: str) -> DocumentSet:
        """What is published; empty when nothing is."""
        folder = self._pipelines / _quoted(pipeline)
        return DocumentSet(
            documents=tuple(
                Document(path=path.relative_to(folder).as_posix(), text=_text(path))
                for path in _files(folder)
            )
        )

    def publish(self, pipeline: str, documents: DocumentSet, expected: str | None) -> None:
        """Make `documents` what is published; raises `Conflict` as `Adapter.publish` says."""
        folder = self._pipelines / _quoted(pipeline)
        with self._guarded(pipeline, expected, documents.fingerprint) as live:
            wanted = {_inside(folder, document.path): document.text for document in documents}
            for path, text in wanted.items():
                write(path, text)
            for path in (folder / document.path for document in live):
                if path not in wanted:
                    path.unlink(missing_ok=True)

    def delete(self, pipeline: str, expected: str | None) -> None:
        """Remove what is published; raises `Conflict` as `Adapter.delete` says."""
        with self._guarded(pipeline, expected, None):
            shutil.rmtree(self._pipelines / _quoted(pipeline), ignore_errors=True)

    @contextlib.contextmanager
    def _guarded(self, pipeline: str, expected: str | None, wanted: str | None) -> Iterator[DocumentSet]:
        """Hold the lock on definitions while live is what the plan expected."""
        self.prepare()
        with (self.state / "pipelines.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            live = self.fetch(pipeline)
            if live.fingerprint not in (expected, wanted):
                raise Conflict(
                    f"the live definition of {pipeline!r} changed since the plan was made",
                    remedy="plan again: pipemgr plan",
                )
            yield live

    # Builds ----------------------------------------------------------------------------------------------

    def add(self, request: Request, text: str) -> tuple[Build, int]:
        """A new build with the next free number, and the descriptor of its lock, which the runner inherits.

        The folder is made whole and then renamed: renaming onto another build fails, so a number is given once,
        and nobody ever sees half a build.
        """
        self.prepare()
        parent = self._builds / _quoted(request.pipeline)
        made = Build(parent / f"{PART}{uuid4().hex}")
        write(made.workflow, text)
        lock = made.lock()
        while True:
            number = max(self.numbers(request.pipeline), default=0) + 1
            write(
                made.folder / "request.json", request.model_copy(update={"number": number}).model_dump_json()
            )
            with contextlib.suppress(OSError):
                made.folder.rename(parent / str(number))
                return Build(parent / str(number)), lock
            if not (parent / str(number)).exists():
                raise Refused(f"{parent} can't be written", remedy="is the disk full?")

    def numbers(self, pipeline: str) -> list[int]:
        """The numbers of all builds of a pipeline, ascending."""
        folders = _folders(self._builds / _quoted(pipeline))
        return sorted(int(folder.name) for folder in folders if folder.name.isdecimal())

    def built(self) -> tuple[str, ...]:
        """The names of all pipelines that have builds, sorted."""
        return tuple(sorted(unquote(folder.name) for folder in _folders(self._builds)))

    def build(self, ref: BuildRef) -> Build:
        """One build; raises `NotFound`."""
        folder = self._builds / _quoted(ref.pipeline) / ref.build
        if not (ref.build.isdecimal() and ref.attempt == 1 and folder.is_dir()):
            raise NotFound(f"{ref.pipeline!r} has no build {ref.build} (attempt {ref.attempt})")
        return Build(folder)


def _folders(parent: Path) -> Iterator[Path]:
    try:
        with os.scandir(parent) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError:
        return iter(())
    return (parent / name for name in names)


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if not path.name.startswith(PART)]


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def _inside(folder: Path, path: str) -> Path:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise Refused(f"the document's path {path!r} leads out of its folder")
    return folder / path
