"""Kept: the files that a build left behind, as artifacts, their content, and the test cases in its reports."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipemgr.adapter import NotFound, ParseError, Refused, junit
from pipemgr.model.runs import Artifact, BuildRef, StageInstance, TestCase, TestReport
from pipemgr.model.status import Result

from .store import Build

PIECE: Final = 1 << 20
"""Bytes of a file that are read at once."""
LARGEST: Final = 64 << 20
"""Bytes of a test report that is read."""
REPORTS: Final = "reports/"


def files(build: Build) -> Iterator[tuple[str, Path]]:
    """Every file that the build kept, by name: `name/path` of artifacts, `reports/path` of test reports."""
    for folder, prefix in ((build.artifacts, ""), (build.reports, REPORTS)):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield prefix + os.fsencode(path.relative_to(folder)).decode("utf-8", "replace"), path


def artifacts(build: Build, stages: Iterable[StageInstance]) -> Iterator[Artifact]:
    """The files as artifacts. Jobs share one folder: a file is of the stage that was alone at work when it was written."""
    every = tuple(stages)
    for name, path in files(build):
        size, found, written = _measured(path)
        yield Artifact(
            name=name,
            digest=found,
            size=size,
            media_type=_media_type(path),
            uri=path.as_uri(),
            stage=_maker(every, written) if written else None,
        )


def content(build: Build, ref: BuildRef, name: str) -> Iterator[bytes]:
    """What is in an artifact. Raises `NotFound` or, for a file that can't be read, `Refused`."""
    path = dict(files(build)).get(name)
    if path is None:
        raise NotFound(f"build {ref.build} of {ref.pipeline!r} has no artifact {name!r}")
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise Refused(
            f"{path} can't be read: {error.strerror}", remedy="is the file closed to you?"
        ) from None


def tests(build: Build) -> TestReport | None:
    """The cases of all JUnit reports that the build kept; one that can't be read is a case that says so."""
    found = [
        path for name, path in files(build) if name.startswith(REPORTS) and path.suffix.lower() == ".xml"
    ]
    cases = tuple(case for path in found for case in _cases(path, build.reports))
    return TestReport(cases=cases) if cases else None


def _cases(path: Path, folder: Path) -> tuple[TestCase, ...]:
    name = os.fsencode(path.relative_to(folder)).decode("utf-8", "replace")
    try:
        size = path.stat().st_size
        return junit.parse(path.read_bytes(), name) if size <= LARGEST else _too_large(name)
    except (OSError, ParseError) as error:
        return (TestCase(name=name, result=Result.ERROR, message=f"the report can't be read: {error}"),)


def _too_large(name: str) -> tuple[TestCase, ...]:
    return (TestCase(name=name, result=Result.ERROR, message=f"the report has more than {LARGEST:,} bytes"),)


def _maker(stages: Iterable[StageInstance], written: datetime) -> str | None:
    at_work = [
        one.external_id
        for one in stages
        if one.started_at
        and one.started_at <= written
        and (one.finished_at is None or written <= one.finished_at)
    ]
    return at_work[0] if len(at_work) == 1 else None


def _measured(path: Path) -> tuple[int | None, str | None, datetime | None]:
    """Size, digest and time of a file; none of one that its step locked, which must not hide the rest of the build."""
    try:
        with path.open("rb") as file:
            facts = path.stat()
            found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            return facts.st_size, found, datetime.fromtimestamp(facts.st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        return None, None, None


def _media_type(path: Path) -> str:
    kind, encoding = mimetypes.guess_type(path.name)
    return f"application/{encoding}" if encoding else kind or "application/octet-stream"
