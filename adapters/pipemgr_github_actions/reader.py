"""The reader: a workflow becomes a pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from pipemgr.adapter import (
    Document,
    DocumentSet,
    Fields,
    Kept,
    Node,
    ParseError,
    Reader,
    Reading,
    Tables,
    compose,
    refuse_problems,
)
from pipemgr.model.definitions import HINTS, Pipeline, Stage

from .action_reader import ActionReader
from .jobs import JobReader
from .keys import tell_strange_keys
from .local_actions import LocalActions, wanted
from .texts import Texts
from .triggers import TriggerReader
from .words import VENDOR, Words


class GitHubActionsReader(Reader):
    """Reads a workflow file.

    What the model has no word for is kept in `vendor`, in GitHub's own words, so that GitHub gets it back.
    """

    def __init__(self, tables: Tables | None = None) -> None:
        self.words = Words(tables)

    def read(self, documents: DocumentSet) -> Reading:
        """The pipeline of the workflow (or composite action) that comes first in `documents`.

        What follows are files that it uses, by their paths in the repository: see `wants`.
        """
        document, *others = _several(documents)
        root = compose(document.text, document.path)
        if root.kind not in ("mapping", "null"):
            raise ParseError(f"a workflow is a mapping, not a {root.kind}", where=root.where)
        actions = LocalActions({one.path: one for one in others}, self.words)
        if root.children and "runs" in root.children and "jobs" not in root.children:
            pipeline = ActionReader(self.words, root, actions).read(PurePosixPath(document.path))
            tell_strange_keys(root, "action")
        else:
            pipeline = _Workflow(self.words, root, actions).read(PurePosixPath(document.path).stem)
            tell_strange_keys(root, "workflow")
        source = root.origin
        source.problems += [(source.place(path), message) for path, message in pipeline.problems()]
        refuse_problems(source)
        return Reading(pipeline, source)

    def wants(self, documents: DocumentSet) -> tuple[str, ...]:
        """The local actions and workflows that `documents` use and do not have: where their files may be."""
        return tuple(_wanted(documents) - {document.path for document in documents})


def _wanted(documents: Iterable[Document]) -> set[str]:
    """The paths of local files that the documents use."""
    found: set[str] = set()
    for document in documents:
        with suppress(ParseError):
            found |= set(wanted(compose(document.text, document.path)))
    return found


def _several(documents: DocumentSet) -> tuple[Document, ...]:
    """The documents, of which the others are files that the first one (or one of them) uses."""
    found = tuple(documents)
    strange = {one.path for one in found[1:]} - _wanted(found) if found[1:] else set()
    if not found or strange:
        where = min(strange, default="the definition")
        raise ParseError(f"{len(found)} documents, and a workflow is one", where=where)
    return found


class _Workflow:
    """One workflow, while it is being read."""

    def __init__(self, words: Words, root: Node, actions: LocalActions) -> None:
        self.root = root
        self.kept = Kept("", VENDOR)
        self.texts = Texts(words.vocabulary)
        self.jobs = JobReader(self.texts, words, actions)
        self.triggers = TriggerReader(words, self.texts, self.kept)
        self.fields = Fields(root, "", self.kept)

    def read(self, stem: str) -> Pipeline:
        """The pipeline; `stem` is its name where it says none."""
        found: dict[str, Any] = self.jobs.common(self.fields)
        found |= self.texts.some(self.fields, {"run-name": "build_name"})
        name = self.fields.take("name", "name")
        if name is None or not name.text():
            self.kept.put(True, HINTS, "unnamed")
        on = self._needed("on", "triggers")
        if on is not None:
            self.triggers.read(on)
        stages = self._stages()
        self.fields.rest()
        return Pipeline(
            name=(name.text() if name else "") or stem,
            triggers=tuple(self.triggers.triggers),
            parameters=self.triggers.parameters,
            stages=stages,
            vendor=self.kept.said(),
            **found,
        )

    def _stages(self) -> tuple[Stage, ...]:
        jobs = self._needed("jobs", "stages")
        entries = jobs.items().items() if jobs is not None else ()
        if jobs is not None and not entries:
            jobs.problem("a workflow needs at least one job")
        stages = (self.jobs.read(name, node) for name, node in entries)
        return tuple(stage for stage in stages if stage is not None)

    def _needed(self, key: str, feeds: str) -> Node | None:
        node = self.fields.take(key, feeds)
        if node is None:
            self.root.problem(f"a workflow needs `{key}`")
        return node
