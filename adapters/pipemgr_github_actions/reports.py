"""Reports: artifacts as they are downloaded, and the JUnit reports in those that are known to hold some."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from pipemgr.adapter import NotFound, ParseError, junit
from pipemgr.model.runs import BuildRef, TestCase, TestReport
from pipemgr.model.status import Result

from . import archive
from .builds import of_attempt
from .client import Client
from .names import parse, run_path

LARGEST_ARTIFACT: Final = 64 << 30
LARGEST_REPORTS: Final = 64 << 20
"""Bytes of an artifact that is read for reports, and of each report in it."""
MOST_REPORTS: Final = 2000
Data = dict[str, Any]


def files(client: Client, ref: BuildRef, run: Data | None = None) -> list[Data]:
    """The artifacts of an attempt."""
    run = run or client.one(run_path(ref, f"/attempts/{ref.attempt}"), exclude_pull_requests="true")
    return of_attempt(run, client.all(run_path(ref, "/artifacts"), "artifacts"))


def download(client: Client, ref: BuildRef, name: str) -> Iterator[bytes]:
    """The archive that an artifact is; raises `NotFound` when there is none of that name, or it has expired."""
    found = [one for one in files(client, ref) if one["name"] == name]
    if not found:
        raise NotFound(f"run {ref.build} has no artifact {name!r}", where=client.where)
    if found[-1].get("expired"):
        raise NotFound(
            f"the artifact {name!r} of run {ref.build} has expired",
            where=client.where,
            remedy="raise the retention days of the repository for those to come",
        )
    return client.download(_path(ref, found[-1]), LARGEST_ARTIFACT)


def tests(client: Client, ref: BuildRef, patterns: tuple[str, ...]) -> TestReport | None:
    """The test cases in all artifacts that `patterns` name; None when there are none."""
    if not patterns:
        return None
    wanted = [one for one in files(client, ref) if any(fnmatchcase(one["name"], each) for each in patterns)]
    cases = [case for one in wanted if not one.get("expired") for case in _cases(client, ref, one)]
    return TestReport(cases=tuple(cases)) if cases else None


def _path(ref: BuildRef, one: Data) -> str:
    return f"/repos/{parse(ref.pipeline).repository}/actions/artifacts/{int(one['id'])}/zip"


def _cases(client: Client, ref: BuildRef, one: Data) -> Iterator[TestCase]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "artifact.zip")
        with path.open("wb") as file:
            file.writelines(client.download(_path(ref, one), LARGEST_REPORTS))
        with archive.opened(path, client.where) as packed:
            found = [info for info in packed.infolist() if info.filename.lower().endswith(".xml")]
            for info in found[:MOST_REPORTS]:
                content = b"".join(archive.pieces(packed, info, LARGEST_REPORTS))
                yield from _report(content, f"{one['name']}/{info.filename}")


def _report(content: bytes, where: str) -> tuple[TestCase, ...]:
    """The cases of a report. One that can't be read is a case itself: it must not pass for nothing."""
    try:
        return junit.parse(content, where)
    except ParseError as error:
        return (TestCase(name=where, result=Result.ERROR, message=str(error)),)
