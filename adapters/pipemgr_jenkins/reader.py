"""The reader: a Jenkinsfile becomes a pipeline.

Declarative pipelines are read by `jenkinsfile/declarative.py` and its rooms, all others by `jenkinsfile/scripted.py`.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipemgr.adapter import (
    Dialects,
    Document,
    DocumentSet,
    ParseError,
    Reader,
    Reading,
    Tables,
    refuse_problems,
)

from .jenkinsfile.assignments import printed
from .jenkinsfile.declarative import DeclarativeReader
from .jenkinsfile.rules import check
from .jenkinsfile.scope import Words
from .jenkinsfile.scripted import ScriptedReader
from .jenkinsfile.tree import grow

_BEGINNING = re.compile(
    r"\A#!.*groovy|^(?:pipeline|node)\s*\{|^(?:node|stage)\s*\(.*\{|^@Library\(|^properties\s*\(\[",
    re.MULTILINE,
)
MOST = 1000
"""The most stages that are read: real pipelines have dozens, and what each waits for is worked out pair by pair."""
JOBS = "jenkins-job"
"""The language of jobs."""


class JenkinsReader(Reader):
    """Reads a Jenkinsfile.

    What the model has no word for is kept in `vendor`, in Jenkins' own words, so that Jenkins gets it back.
    """

    def __init__(self, tables: Tables | None = None, dialects: Dialects | None = None) -> None:
        self.words = Words(tables)
        self.dialects = dialects

    def read(self, documents: DocumentSet) -> Reading:
        """The pipeline of the one Jenkinsfile in `documents`, or of a job's XML."""
        document = _first(documents)
        if self.dialects is not None and document.text.lstrip().startswith("<"):
            return self.dialects(JOBS).reader.read(documents)
        file = grow(document)
        source = file.root.origin
        if file.declarative:
            check(file)
            source.problems.sort(key=lambda problem: _spot(problem[0]))
        refuse_problems(source)
        name = _name(document.path)
        reader = DeclarativeReader if file.declarative else ScriptedReader
        pipeline = reader(file, self.words).read(name)
        if len(pipeline.stages) > MOST:
            message = f"more than {MOST:,} stages"
            raise ParseError(message, where=document.path, remedy="make several pipelines of it")
        source.problems += [(source.place(path), message) for path, message in pipeline.problems()]
        refuse_problems(source)
        return Reading(pipeline, source)

    def recognises(self, text: str) -> bool:
        """Whether the shebang of a Groovy script, or what only pipelines call, stands at the beginning of a line."""
        return _BEGINNING.search(text) is not None

    def printed(self, text: str) -> str | None:
        """The script of `sh(returnStdout: true, script: ...).trim()`, with what Groovy puts into it."""
        try:
            return printed(text, self.words)
        except ParseError:
            return None


def _spot(where: str) -> tuple[int, int]:
    """Line and column of a place."""
    _, line, column = where.rsplit(":", 2)
    return int(line), int(column)


def _name(path: str) -> str:
    """What a pipeline is called: a Jenkinsfile does not say it, its file's name must do."""
    pure = PurePosixPath(path)
    stem = pure.stem if pure.suffix.lower() in (".jenkinsfile", ".groovy") else pure.name
    return stem or "Jenkinsfile"


def _first(documents: DocumentSet) -> Document:
    found = tuple(documents)
    if len(found) != 1:
        where = found[1].path if found else "the Jenkinsfile"
        raise ParseError(f"{len(found)} documents, and a definition is one", where=where)
    return found[0]
