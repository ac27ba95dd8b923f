"""The reader: a configuration becomes a pipeline, by the kind of job that it is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final

from pipemgr.adapter import Dialects, DocumentSet, ParseError, Reader, Reading, Tables, refuse_problems
from pipemgr.model.definitions import Pipeline

from .elements import Element
from .freestyle_reader import FreestyleReader
from .kept_reader import KEPT, MULTIBRANCH, KeptReader
from .parsing import looks_like_xml, parse
from .pipeline_reader import PipelineReader, script_path
from .references import resolve
from .tree import Tree, hide
from .words import PIPELINE, Words

HOME: Final = "jobs"
"""The folder of jobs in Jenkins' home, and in a folder of jobs."""
FILE: Final = "config.xml"
_TELLING: Final = (
    "builders",
    "publishers",
    "definition",
    "sources",
    "scm",
    "triggers",
    "keepDependencies",
    "properties",
)
"""Fields of which every job has one."""


class JobReader(Reader):
    """Reads `config.xml` of a job; the documents after it are the Jenkinsfile that it names."""

    def __init__(self, tables: Tables | None = None, dialects: Dialects | None = None) -> None:
        self.words = Words(tables)
        self.dialects = dialects

    def read(self, documents: DocumentSet) -> Reading:
        """The pipeline of the job."""
        document, *_ = tuple(documents) or (None,)
        if document is None:
            raise ParseError("no document", where="the configuration")
        root = parse(document.text, document.path)
        name = job_name(document.path)
        job = self._job(root, document.path)
        hide(root, self.words.tables.elements.secrets, name)
        resolve(root)
        tree = Tree(root, document.path, document.text)
        pipeline = self._pipeline(tree, job, name, DocumentSet(documents=documents.documents[1:]))
        tree.tell_secrets()
        refuse_problems(tree.source)
        return Reading(pipeline, tree.source)

    def recognises(self, text: str) -> bool:
        """Whether it is XML with the outermost element of a job that the tables know."""
        roots = self.words.tables.elements.roots  # files of Maven begin with a project too, of a namespace
        return looks_like_xml(text) and any(
            f"<{one}{end}" in text for one in roots for end in (">", " plugin=")
        )

    def wants(self, documents: DocumentSet) -> tuple[str, ...]:
        """The Jenkinsfile that the job names, for what it does is said there."""
        document = next(iter(documents), None)
        if document is None or not looks_like_xml(document.text):
            return ()
        try:
            path = script_path(parse(document.text, document.path))
        except ParseError:
            return ()  # told when it is read
        return (path,) if path is not None else ()

    def _job(self, root: Element, path: str) -> str:
        """The kind of job, its own name where no row knows it; raises `ParseError` where it is none."""
        row = self.words.root(root.tag)
        if row is not None and row.other:
            raise ParseError(
                f"<{root.tag}> is {row.other}, not a job",
                where=f"{path}:{root.line}:{root.column}",
                remedy="give the config.xml of a job: jobs/NAME/config.xml in Jenkins' home, or its address + config.xml",
            )
        if row is None and not any(root.child(tag) is not None for tag in _TELLING):
            raise ParseError(
                f"<{root.tag}> is no job that is known here, and has nothing that a job has",
                where=f"{path}:{root.line}:{root.column}",
                remedy="give the config.xml of a job",
            )
        return row.job if row is not None else root.tag

    def _pipeline(self, tree: Tree, job: str, name: str, more: DocumentSet) -> Pipeline:
        """The pipeline of a job of that kind."""
        root = tree.root
        if job in (PIPELINE, MULTIBRANCH) or root.child("definition") is not None:
            return PipelineReader(self.words, tree, job, self.dialects).job(name, more)
        if job in KEPT or (self.words.root(root.tag) is None and root.child("builders") is None):
            return KeptReader(self.words, tree, job).read(name)
        return FreestyleReader(self.words, tree, job).read(name)


def job_name(path: str) -> str:
    """What a job is called: its folders in Jenkins' home (`jobs/A/jobs/B/config.xml` is A/B), else its file."""
    place = PurePosixPath(path)
    parts = place.parts
    if place.stem != "config" or not place.parent.name:
        return place.stem
    named = [part for before, part in pairwise(parts[:-1]) if before == HOME]
    return "/".join(named) if named and parts[-2] == named[-1] else place.parent.name


def job_path(name: str) -> str:
    """Where Jenkins keeps the configuration of a job; only its file's name where the name can be no folder's."""
    parts = name.split("/")
    if any(not part.strip() or part.strip(".") == "" or "\\" in part for part in parts):
        return FILE
    return "".join(f"{HOME}/{part}/" for part in parts) + FILE
