"""What a dialect is: a reader, a writer and a table of what the vendor's language can say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipemgr.errors import InvalidPipeline, UnsupportedCapability
from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline
from pipemgr.model.support import Answer

from .document import DocumentSet
from .node import Source
from .report import Finding


@dataclass(frozen=True)
class Reading:
    """What a reader made of documents: the pipeline, and the source that tells what was not taken."""

    pipeline: Pipeline
    source: Source

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the reader said, and what it left unread."""
        return (*self.source.findings, *self.source.unread())


@dataclass(frozen=True)
class Writing:
    """What a writer made of a pipeline: documents, and findings by model path (`source` still empty)."""

    documents: DocumentSet
    findings: tuple[Finding, ...] = ()


class Reader(ABC):
    """Turns a vendor's documents into a pipeline."""

    @abstractmethod
    def read(self, documents: DocumentSet) -> Reading:
        """The pipeline that the documents define.

        Raises `ParseError` when a document is not of its format at all, and `InvalidPipeline` with every
        problem and its place when it is, but makes no pipeline.
        """

    def wants(self, documents: DocumentSet) -> tuple[str, ...]:
        """Paths, from the root of the repository, of further documents that would help to read `documents`.

        Those that exist follow the first document of the set that is read. None by default.
        """
        del documents
        return ()

    def recognises(self, text: str) -> bool:
        """Whether a text that begins like this is surely of its language, wherever it lies. Never by default."""
        del text
        return False

    def printed(self, text: str) -> str | None:
        """The script whose output is the value of an expression in the vendor's own words, where it is one. Never by default.

        What ends the output (line feeds) is no part of the value.
        """
        del text
        return None


class Writer(ABC):
    """Turns a pipeline into a vendor's documents.

    What the dialect's table says the vendor cannot do never reaches `write`: it was lowered to something the
    vendor can do, or taken out with a finding. A writer reports only the rest.
    """

    @abstractmethod
    def write(self, pipeline: Pipeline) -> Writing:
        """The documents that define `pipeline`, and what they do not say exactly."""

    def with_tables(self, tables: Tables) -> Writer:
        """A writer of the same language for another target, which goes by tables of its own.

        Raises `UnsupportedCapability` where the language has only one target.
        """
        raise UnsupportedCapability(f"{type(self).__name__} writes for no other target than its own")


@dataclass(frozen=True)
class Dialect:
    """A language for pipelines: pipemgr's own or a vendor's."""

    name: str
    title: str
    reader: Reader
    writer: Writer
    features: Mapping[str, Answer] = field(default_factory=dict)
    """Every language feature that is not fully supported, with the answer; absent means full."""
    patterns: tuple[str, ...] = ()
    """Globs of the paths its documents live at, for telling dialects apart."""
    understands: tuple[str, ...] = ()
    """Further vendors whose own things (`vendor`, opaque steps and triggers) it takes as they are."""
    foreign: bool = False
    """Whether it keeps what only vendors understand, whichever vendor that is."""
    tables: Tables | None = None
    """The vendor's words: they tell which machines and secrets it has by itself."""


def refuse_problems(source: Source) -> None:
    """Raise `InvalidPipeline` when the reader noted any problem, all of them in one error."""
    if not source.problems:
        return
    problems = tuple(dict.fromkeys(source.problems))
    where, message = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise InvalidPipeline(f"{message}{more}", where=where, problems=problems)
