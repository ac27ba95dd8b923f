"""Reported: files and notes of the repository, by pipemgr's own protocol and by the hydrator's, become observations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from pipemgr.adapter import Commit, ParseError, Repository, Statuses
from pipemgr.model.reports import NOTES, Phase, Report, read_note, read_report
from pipemgr.model.runs import Confidence

from .journal import SHA_LIKE, Observation
from .stages import HEALTHY, SEEN, SYNCED, lane, stage

HYDRATOR: Final = "hydrator.metadata"
"""The note, and the file, in which the source hydrator says which commit it made manifests of.

https://argo-cd.readthedocs.io/en/stable/user-guide/source-hydrator/
"""
STAGES: Final = {
    Phase.SEEN: SEEN,
    Phase.PROGRESSING: HEALTHY,
    Phase.HEALTHY: HEALTHY,
    Phase.DEGRADED: HEALTHY,
}
FILE, NOTE = "status file", "note"


def files(
    repository: Repository, commits: tuple[Commit, ...], folder: str, problems: list[str]
) -> Iterator[tuple[Report, str]]:
    """Every report that these commits (oldest first) brought: each version of a file counts."""
    for commit in commits:
        changed = [path for path in commit.paths if path.startswith(f"{folder}/") and path.endswith(".json")]
        if not changed:
            continue
        there = repository.files(commit.sha, folder)
        wanted = tuple(there[path] for path in changed if path in there)
        for file, data in repository.contents(wanted):
            try:
                report = read_report(data, f"{file.path} at {commit.sha[:10]}")
                _in_place(report, file.path, folder)
                yield report, f"{FILE} {file.path}"
            except ParseError as error:
                problems.append(str(error))


def _in_place(report: Report, path: str, folder: str) -> None:
    """A report lies where its environment and pipeline say. Raises `ParseError`."""
    wanted = f"{folder}/{report.environment}/{report.pipeline}.json"
    if path != wanted:
        raise ParseError(
            "tells of another environment or pipeline than its path", where=path, remedy=f"move it: {wanted}"
        )


def notes(repository: Repository, problems: list[str]) -> Iterator[tuple[Report, str]]:
    """Every report in notes about commits."""
    there = repository.notes(NOTES)
    shas = {file.path: sha for sha, file in there.items()}
    for file, data in repository.contents(there):
        sha = shas[file.path]
        reports, wrong = read_note(data, f"refs/notes/{NOTES} of {sha[:10]}")
        problems += [str(one) for one in wrong]
        for report in reports:
            if report.revision == sha:
                yield report, f"{NOTE} refs/notes/{NOTES}"
            else:
                problems.append(
                    f"refs/notes/{NOTES} of {sha[:10]}: tells of another commit, {report.revision[:10]}"
                )


def observed(report: Report, source: str, statuses: Statuses) -> Observation:
    """One report as an observation. Reports without operation and start are about one reconciliation after another."""
    where = lane(report.environment, "report")
    status = statuses.status("report", report.phase, reason=report.message)
    told = stage(
        STAGES.get(report.phase, SYNCED),
        status,
        where=where,
        source=f"{source}{f' by {report.reporter}' if report.reporter else ''}",
        confidence=Confidence.LIKELY,
        started=report.started,
        finished=report.finished,
    )
    begun = report.started.isoformat() if report.started else ""
    end = report.finished.isoformat() if report.finished else ""
    return Observation(
        pipeline=report.pipeline,
        revision=report.revision,
        lane=where,
        operation=report.operation or begun or f"{report.phase} {end}",
        stages=(told,),
        url=report.url or None,
        goes_on=not (report.operation or begun),
    )


def hydrated(repository: Repository, head: str) -> dict[str, str]:
    """Which dry commit each hydrated commit was made of: by the notes, and by the file at the head of the branch."""
    found: dict[str, str] = {}
    there = repository.notes(HYDRATOR)
    shas = {file.path: sha for sha, file in there.items()}
    for file, data in repository.contents(there):
        if dry := _dry(data):
            found[shas[file.path]] = dry
    if head not in found and (data_ := repository.read(head, HYDRATOR)) is not None and (dry := _dry(data_)):
        found[head] = dry
    return found


def _dry(data: bytes) -> str | None:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return None
    dry = said.get("drySha") if isinstance(said, dict) else None
    return dry if isinstance(dry, str) and SHA_LIKE.fullmatch(dry) else None
