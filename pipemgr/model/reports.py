"""Reports: what became of a commit, told by whoever made it so, in a file or a note of the repository itself.

`pipemgr/status/<environment>/<pipeline>.json` holds the newest report; older ones are its history in Git. A note of
`refs/notes/pipemgr` holds one report a line about the commit that it is attached to. `report.schema.json` is the JSON
Schema; `python -m pipemgr.model.reports` writes it anew.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from pipemgr.errors import ParseError

from .base import Value
from .runs import Moment

VERSION: Final = 1
FOLDER: Final = "pipemgr/status"
"""Where reports lie in a repository, unless a connection says otherwise."""
NOTES: Final = "pipemgr"
"""The name of the notes that hold reports."""
SCHEMA: Final = Path(__file__).parents[1] / "report.schema.json"
LARGEST: Final = 64 * 1024
"""Bytes of a report."""
_REVISION: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\][^\x00-\x1f\x7f\\]*")


class Phase(StrEnum):
    """How far a commit has come in one environment."""

    SEEN = "seen"
    """The controller knows of it."""
    SYNCING = "syncing"
    """It is being applied."""
    SYNCED = "synced"
    """It was applied."""
    FAILED = "failed"
    """It could not be applied."""
    CANCELED = "canceled"
    """Somebody stopped it from being applied."""
    PROGRESSING = "progressing"
    """It was applied, and what it made is starting."""
    HEALTHY = "healthy"
    """What it made works."""
    DEGRADED = "degraded"
    """What it made does not work."""


class Report(Value):
    """One report: what became of `revision` of `pipeline` in `environment`."""

    version: Literal[1] = VERSION
    pipeline: str = Field(min_length=1, max_length=300)
    environment: str = Field(min_length=1, max_length=100)
    revision: str
    """The full id of the commit."""
    phase: Phase
    operation: str = Field("", max_length=200)
    """What tells two reconciliations of one commit apart, such as a job's number; `started` does so too."""
    started: Moment | None = None
    finished: Moment | None = None
    message: str = Field("", max_length=10_000)
    digest: str = Field("", max_length=200)
    """The digest of the definition that was applied."""
    url: str = Field("", max_length=2_000)
    reporter: str = Field("", max_length=200)
    """Who tells this."""

    @field_validator("revision")
    @classmethod
    def _full_id(cls, revision: str) -> str:
        if not _REVISION.fullmatch(revision):
            raise ValueError("must be the full id of a commit, in small hexadecimal digits")
        return revision

    @field_validator("pipeline", "environment")
    @classmethod
    def _a_path(cls, name: str) -> str:
        if not _NAME.fullmatch(name) or any(part in {"", ".", ".."} for part in name.split("/")):
            raise ValueError("must be fit for a path: no empty part, no dots alone, no control characters")
        return name

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.started and self.finished and self.finished < self.started:
            raise ValueError("it finished before it started")
        return self

    def text(self, *, indent: int | None = 2) -> str:
        """The report as it is written: on lines of its own for a file, on one line (no indent) for a note."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps({"version": VERSION, **said}, indent=indent, ensure_ascii=False) + "\n"


def read_report(data: bytes, where: str) -> Report:
    """The report in a file. Raises `ParseError` that names the file, the line and what is wrong."""
    if len(data) > LARGEST:
        raise ParseError(f"a report has at most {LARGEST:,} bytes, this one {len(data):,}", where=where)
    try:
        said = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        return Report.model_validate(said)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ParseError("not UTF-8", where=f"{where}:{line}") from None
    except json.JSONDecodeError as error:
        raise ParseError(f"not JSON: {error.msg}", where=f"{where}:{error.lineno}:{error.colno}") from None
    except ValidationError as error:
        raise _told(error, data, where) from None
    except (ValueError, RecursionError) as error:
        raise ParseError(str(error)[:200] or "nested too deeply", where=f"{where}:1") from None


def read_note(data: bytes, where: str) -> tuple[tuple[Report, ...], tuple[ParseError, ...]]:
    """The reports of a note, one a line, and what is wrong with the lines that are none."""
    reports, problems = [], []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                reports.append(read_report(line, f"{where}, line {number}"))
            except ParseError as error:
                problems.append(error)
    return tuple(reports), tuple(problems)


def schema() -> str:
    """The JSON Schema as it is kept in `report.schema.json`."""
    made = Report.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["additionalProperties"] = False
    return json.dumps(made, indent=2) + "\n"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) < len(pairs):
        raise ValueError("a key stands twice")
    return said


def _told(error: ValidationError, data: bytes, where: str) -> ParseError:
    first = error.errors(include_url=False, include_input=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    found = data.find(f'"{key}"'.encode()) if key else -1
    line = data.count(b"\n", 0, max(found, 0)) + 1
    message = str(first["msg"]).removeprefix("Value error, ")
    return ParseError(
        f"{key}: {message}" if key else message,
        where=f"{where}:{line}",
        remedy="see report.schema.json, or let `pipemgr report` write it",
    )


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
