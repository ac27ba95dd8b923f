"""Logs: of an ended run by one archive for all jobs, of a running one by finished job; kept on disk for a while.

GitHub has no way to read the log of a job that still runs.
"""

from __future__ import annotations

import codecs
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pipemgr.adapter import LogChunk, NotFound, Statuses
from pipemgr.model.runs import BuildRef

from . import archive
from .client import Client
from .names import parse, run_path

LARGEST: Final = 2 << 30
"""Bytes of one log, or of an archive, that are taken."""
KEPT: Final = 4 << 30
"""Bytes of logs that stay on disk; those used last stay longest."""
CHUNK: Final = 1 << 20
_ARCHIVE: Final = "run.zip"
_JOBS: Final = "jobs.json"
REMEDY: Final = (
    "GitHub deletes logs after 90 days, or what the repository sets; pipemgr keeps those it has read"
)


class Logs:
    """The logs of a connection's runs, in files under `folder`."""

    def __init__(self, client: Client, folder: Path, statuses: Statuses) -> None:
        self.client = client
        self.folder = folder
        self.statuses = statuses

    def chunk(self, ref: BuildRef, name: str, offset: int) -> LogChunk:
        """A piece of the log of a job (`JOB`), or of a step of an ended run (`JOB/NUMBER`).

        Raises `NotFound` for a name that is none, and for a log that GitHub has no longer.
        """
        job, _, step = name.partition("/")
        if not job.isdecimal() or not (step.isdecimal() or not step):
            raise NotFound(f"run {ref.build} of {ref.pipeline!r} has no log {name!r}")
        run_path(ref)
        here = self.folder / f"{ref.build}-{ref.attempt}"
        file = here / f"{job}-{step or 'job'}.txt"
        if not file.exists() and not self._bring(ref, job, step, file):
            return LogChunk(text="", offset=offset, complete=False)
        os.utime(here)
        return _chunk(file, offset)

    def _bring(self, ref: BuildRef, job: str, step: str, file: Path) -> bool:
        """Put a log into its file; False when it is not complete yet."""
        file.parent.mkdir(parents=True, exist_ok=True)
        packed = file.parent / _ARCHIVE
        if packed.exists() or self._pack(ref, packed):
            if self._unpacked(packed, job, step, file):
                return True
        elif not self._over(ref, job):
            return False
        if step:
            raise NotFound(
                f"the archive of run {ref.build} has no log of step {step}",
                remedy=f"read the job's log, {job}",
            )
        self._by_job(ref, job, file)
        self._tidy(file.parent)
        return True

    def _pack(self, ref: BuildRef, packed: Path) -> bool:
        """Fetch the archive, if the attempt is over and GitHub has one."""
        path = run_path(ref, f"/attempts/{ref.attempt}")
        run = self.client.one(path, exclude_pull_requests="true")
        if not self.statuses.status("run", run.get("status"), run.get("conclusion")).finished:
            return False
        jobs = [[str(one["id"]), one.get("name") or ""] for one in self.client.all(f"{path}/jobs", "jobs")]
        try:
            _write(packed, self.client.download(f"{path}/logs", LARGEST))
        except NotFound:
            return False
        _write(packed.with_name(_JOBS), [json.dumps(jobs).encode()])
        self._tidy(packed.parent)
        return True

    def _unpacked(self, packed: Path, job: str, step: str, file: Path) -> bool:
        try:
            jobs = dict(json.loads(packed.with_name(_JOBS).read_bytes()))
        except (OSError, ValueError):
            jobs = {}
        with archive.opened(packed, self.client.where) as files:
            found = archive.member(files.infolist(), jobs.get(job, ""), list(jobs.values()), step)
            if found is not None:
                _write(file, archive.pieces(files, found, LARGEST))
        return found is not None

    def _over(self, ref: BuildRef, job: str) -> bool:
        found = self.client.one(self._job(ref, job))
        return self.statuses.status("job", found.get("status"), found.get("conclusion")).finished

    def _by_job(self, ref: BuildRef, job: str, file: Path) -> None:
        try:
            _write(file, self.client.download(self._job(ref, f"{job}/logs"), LARGEST))
        except NotFound as error:
            error.remedy = REMEDY
            raise

    @staticmethod
    def _job(ref: BuildRef, rest: str) -> str:
        return f"/repos/{parse(ref.pipeline).repository}/actions/jobs/{rest}"

    def _tidy(self, current: Path) -> None:
        """Remove the runs that nobody has read for longest, until what stays is small enough."""
        runs = sorted(self.folder.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
        total = 0
        for run in [current, *(one for one in runs if one != current)]:
            total += sum(file.stat().st_size for file in run.iterdir())
            if total > KEPT and run != current:
                shutil.rmtree(run, ignore_errors=True)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """A file, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _chunk(path: Path, offset: int) -> LogChunk:
    """A piece from `offset` on, cut between characters."""
    with path.open("rb") as file:
        file.seek(offset)
        read = file.read(CHUNK)
        whole = not file.read(1)
    decoder: Any = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(read, final=whole)
    behind = 0 if whole else len(decoder.getstate()[0])
    return LogChunk(text=text, offset=offset + len(read) - behind, complete=whole)
