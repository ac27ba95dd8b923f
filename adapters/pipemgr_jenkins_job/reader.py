"""The reader: a configuration becomes a pipeline, by the kind of job that it is."""

from __future__ import annotations

from pathlib import PurePosixPath

from pipemgr.adapter import Dialects, DocumentSet, ParseError, Reader, Reading, Tables, refuse_problems

from .elements import Element
from .freestyle_reader import FreestyleReader
from .parsing import parse
from .references import resolve
from .tree import Tree, hide
from .words import Words


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
        row = self._job(root, document.path)
        hide(root, self.words.tables.elements.secrets, name)
        resolve(root)
        tree = Tree(root, document.path, document.text)
        pipeline = FreestyleReader(self.words, tree, row).read(name)
        tree.tell_secrets()
        refuse_problems(tree.source)
        return Reading(pipeline, tree.source)

    def _job(self, root: Element, path: str) -> str:
        """The kind of job; raises `ParseError` where it is none, and says what it is."""
        row = self.words.root(root.tag)
        if row is not None and row.job:
            return row.job
        return root.tag


def job_name(path: str) -> str:
    """What a job is called: its folder in Jenkins' home, else its file."""
    place = PurePosixPath(path)
    return place.parent.name if place.stem == "config" and place.parent.name else place.stem
