"""Reporting: what no vendor's API tells, told by who knows: in the repository, or straight into the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from pipemgr.errors import ConfigurationError, InvalidPipeline, ParseError, PipemgrError
from pipemgr.ingest.recorder import Recorder
from pipemgr.model.reports import FOLDER, NOTES, Report
from pipemgr.model.runs import BuildInstance

from .runtime import Runtime

LARGEST = 16 << 20
"""Bytes of a build that is reported."""


def report(facts: dict[str, Any]) -> Report:
    """A report of these facts; without a `revision` it is of the commit that is checked out here.

    Raises `ConfigurationError` that names the fact that is wrong.
    """
    given = {name: value for name, value in facts.items() if value is not None}
    given.setdefault("revision", "")
    if not given["revision"]:
        given["revision"] = _head()
    try:
        return Report.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = "--" + str(first["loc"][0]) if first["loc"] else "the report"
        raise ConfigurationError(f"{key}: {str(first['msg']).removeprefix('Value error, ')}") from None


def path_of(told: Report, folder: str = FOLDER) -> Path:
    """Where a report lies in the repository that is checked out here."""
    return _root() / folder.strip("/") / told.environment / f"{told.pipeline}.json"


def write(told: Report, path: Path) -> None:
    """Write a report, whole or not at all. Nothing is committed: that is for the job that runs this."""
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(told.text(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        remedy = "is the disk full, or the folder closed?"
        raise ConfigurationError(
            f"can't be written: {error.strerror}", where=str(path), remedy=remedy
        ) from None


def note(told: Report) -> str:
    """Append a report to the note of its commit, in the repository that is checked out here; the name of the notes.

    Git needs a name and an address for it, as for any commit. Nothing is pushed.
    """
    line = told.text(indent=None).strip()
    _git("notes", f"--ref={NOTES}", "append", "-m", line, told.revision)
    return f"refs/notes/{NOTES}"


def record(runtime: Runtime, connection: str, path: Path) -> tuple[BuildInstance, int]:
    """Record the build that a file holds as JSON, as somebody's word; the build, and how many objects that changed.

    Raises `ParseError` or `InvalidPipeline` for what is no build, and `NoSuchObject` for an unknown connection.
    """
    (name,) = runtime.connections(connection)
    build = _build(path)
    recorded = Recorder(runtime.ledger).record(name, [build], observer=runtime.observer)
    runtime.ledger.store.seal()
    return build, recorded.changes


def _build(path: Path) -> BuildInstance:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", where=str(path)) from None
    if len(data) > LARGEST:
        raise ParseError(
            f"a build has at most {LARGEST:,} bytes", where=str(path), remedy="leave out its logs"
        )
    try:
        return BuildInstance.model_validate(json.loads(data))
    except json.JSONDecodeError as error:
        raise ParseError(f"not JSON: {error.msg}", where=f"{path}:{error.lineno}:{error.colno}") from None
    except ValidationError as error:
        problems = tuple(
            (f"{path}: {'.'.join(map(str, one['loc'])) or 'the build'}", str(one["msg"]))
            for one in error.errors(include_url=False, include_input=False)
        )
        remedy = "`pipemgr build show --json` prints builds in this form"
        raise InvalidPipeline("no build", where=str(path), problems=problems, remedy=remedy) from None
    except (ValueError, RecursionError):
        raise ParseError("not JSON", where=str(path)) from None


def _root() -> Path:
    return Path(_git("rev-parse", "--show-toplevel"))


def _head() -> str:
    return _git("rev-parse", "--verify", "HEAD")


def _git(*words: str) -> str:
    """What a git command prints, run in this folder as its user."""
    try:
        import git
    except ImportError:
        raise ConfigurationError(
            "git is not installed", remedy="install it, or give --file and --revision"
        ) from None
    try:
        return str(git.Git(Path.cwd()).execute(["git", *words], kill_after_timeout=60))
    except git.GitCommandError as error:
        said = str(error.stderr).replace("stderr: '", "").strip(" '\n").splitlines()
        remedy = "go to a checkout of the repository, or give --file and --revision"
        raise PipemgrError(
            f"git {words[0]}: {said[0] if said else 'failed'}", where=str(Path.cwd()), remedy=remedy
        ) from None
