"""Editing: a changed pipeline is written into its author's own text, and the rest of it stays as it was.

What the text says (read) and what is wanted are both written afresh; what differs between the two writings becomes
splices of the author's text. The result is read again: it must say exactly what is wanted. Where it does not, the
place is replaced as a whole, then what is around it, and at last the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

import yaml

from pipemgr.errors import DefinitionError
from pipemgr.model.definitions import HINTS, Definition, Pipeline, Stage, Step

from .align import Identity
from .base import Dialect, Reading, Writing
from .document import Document, DocumentSet
from .layout import Layout
from .merge import Merge
from .node import Node, Source
from .patch import Tangled
from .report import Fidelity, Finding
from .splice import Splicing, Unsure
from .tree import change_stages, rebuild
from .ways import read, write

ATTEMPTS: Final = 12
"""How often a text is tried with larger and larger units before it is written afresh."""
_BOM: Final = "\ufeff"


def edit(pipeline: Pipeline, dialect: Dialect, base: DocumentSet) -> Writing:
    """The documents of `base`, changed as little as makes them define `pipeline`.

    Comments, order, quotes, anchors, indentation and line ends of all that does not change are kept; where nothing
    changes, `base` itself is the answer. The first document is the one that is changed; further ones are left as
    they are. A finding says when it had to be written afresh. Raises what writing raises.
    """
    try:
        there = read(base, dialect)
    except DefinitionError as error:
        return _afresh(write(pipeline, dialect), base, f"it can't be read: {error.message}")
    if same(said(there.pipeline), said(pipeline)):
        return Writing(base)
    made = _Edit(dialect, base, pipeline).made(there)
    return made or _afresh(write(pipeline, dialect), base, "the change touches too much of it")


def _afresh(writing: Writing, base: DocumentSet, why: str) -> Writing:
    documents, name = writing.documents, base.documents[0].path if base else ""
    if len(documents.documents) == 1 and base:
        documents = _with(base, documents.documents[0].model_copy(update={"path": name}))
    finding = Finding(
        fidelity=Fidelity.APPROXIMATE,
        path="",
        source="",
        what=f"comments and layout of {name} are not kept",
        why=why,
        remedy="compare the two files, and carry over by hand what you miss",
    )
    return Writing(documents, (*writing.findings, finding) if base else writing.findings)


def _with(base: DocumentSet, first: Document) -> DocumentSet:
    return DocumentSet(documents=(first, *base.documents[1:]))


# What pipelines say --------------------------------------------------------------------------------------


def said(pipeline: Pipeline) -> Any:
    """What a pipeline says, with stages by their ids, and without hints on how it was written."""
    data = _unhinted(pipeline.data())
    return {**data, "stages": {stage["id"]: stage for stage in data.get("stages", ())}}


def same(one: Any, other: Any) -> bool:
    """Whether two pipelines, as `said`, say the same; the order of stages counts."""
    return bool(one == other) and list(one["stages"]) == list(other["stages"])


def _unhinted(value: Any, key: str = "") -> Any:
    match value:
        case dict():
            found = {name: _unhinted(one, name) for name, one in value.items()}
            if key == "vendor":
                return _without_hints(found)
            return {name: one for name, one in found.items() if (name, one) != ("vendor", {})}
        case list():
            return [_unhinted(one) for one in value]
        case bool():
            return (value,)  # unlike a number
    return value


def _without_hints(vendor: dict[str, Any]) -> dict[str, Any]:
    """What is kept for vendors, without their hints."""
    kept = {name: {k: v for k, v in one.items() if k != HINTS} for name, one in vendor.items()}
    return {name: one for name, one in kept.items() if one}


def with_hints(pipeline: Pipeline, other: Pipeline) -> Pipeline:
    """The pipeline with the other's hints where it has none, so that both are written in the same way."""
    stages = {stage.id: stage for stage in other.stages}

    def hinted(stage: Stage) -> Stage:
        one = stages.get(stage.id)
        if one is None:
            return stage
        steps = _hinted_steps(stage.steps, one.steps)
        return stage.model_copy(update={"vendor": _hints(stage, one), "steps": steps})

    return change_stages(pipeline.model_copy(update={"vendor": _hints(pipeline, other)}), hinted)


def without_hints(pipeline: Pipeline) -> Pipeline:
    """The pipeline without any hint."""

    def unhinted(value: Any) -> Definition:
        kept = getattr(value, "vendor", None)
        changed: Definition = value.model_copy(update={"vendor": _without_hints(kept)}) if kept else value
        return changed

    return rebuild(pipeline, unhinted)


def _hinted_steps(steps: tuple[Step, ...], others: tuple[Step, ...]) -> tuple[Step, ...]:
    keys, known = ([repr(_unhinted(step.data())) for step in several] for several in (steps, others))
    found = list(steps)
    for low, first, size in SequenceMatcher(None, keys, known, autojunk=False).get_matching_blocks():
        for at in range(size):
            step = steps[low + at]
            found[low + at] = step.model_copy(update={"vendor": _hints(step, others[first + at])})
    return tuple(found)


def _hints(value: Definition, other: Definition) -> dict[str, Any]:
    own: dict[str, Any] = getattr(value, "vendor", {})
    if any(HINTS in kept for kept in own.values()):
        return own
    given = {
        name: {HINTS: kept[HINTS]} for name, kept in getattr(other, "vendor", {}).items() if HINTS in kept
    }
    return {name: {**own.get(name, {}), **given.get(name, {})} for name in {**own, **given}}


_ABSENT: Final = object()


def strays(made: Any, wanted: Any, least: Any, path: str = "") -> Iterator[str]:
    """The paths of the model at which a pipeline says neither what is wanted nor the least that would do.

    All three as `said`. The order of stages counts.
    """
    if made in (wanted, least) and path != "stages":
        return
    match made, wanted, least:
        case dict(), dict(), dict():
            for key in {**made, **wanted, **least}:
                one, two, three = (each.get(key, _ABSENT) for each in (made, wanted, least))
                gone = path == "stages" and _ABSENT in (one, two, three)
                yield from strays(one, two, three, path if gone else f"{path}.{key}".lstrip("."))
            if path == "stages" and list(made) not in (list(wanted), list(least)):
                yield path
        case list(), list(), list() if len(made) == len(wanted) == len(least):
            for at, (one, two, three) in enumerate(zip(made, wanted, least, strict=True)):
                yield from strays(one, two, three, f"{path}[{at}]")
        case _ if made not in (wanted, least):
            yield path


# Attempts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Edit:
    """One edit of a text."""

    dialect: Dialect
    base: DocumentSet
    pipeline: Pipeline

    def made(self, there: Reading) -> Writing | None:
        """The base, saying what is wanted or, at places where the language can't, what a fresh writing says.

        The writer's findings hold in the second case. None where neither can be reached.
        """
        ends = _Ends(self.base.documents[0].text)
        before = self._read(_only(write(there.pipeline, self.dialect)))
        new, after = self._after(there.pipeline)
        if ends.text != self.base.documents[0].text:
            there = self._read(ends.text) or there
        if before is None or after is None:
            return None
        wanted = said(self.pipeline), said(after.pipeline)
        changed = tuple(strays(said(there.pipeline), wanted[0], wanted[0]))
        tries = _tries(ends.text, (there.source, before.source, after.source), changed)
        while (text := tries.text()) is not None:
            reading = self._read(text)
            made = said(reading.pipeline) if reading else None
            paths = None if made is None else tuple(strays(made, *wanted))
            if made is not None and not paths:
                document = self._document(ends.restored(text))
                return Writing(_with(self.base, document), () if same(made, wanted[0]) else new.findings)
            tries.failed(paths)
        return None

    def _after(self, there: Pipeline) -> tuple[Writing, Reading | None]:
        """What is wanted, written as the base is, and read again.

        Hints on how the base is written serve where they do no harm: a file without a name may get one.
        """
        for hinted in (with_hints(self.pipeline, there), without_hints(self.pipeline)):
            writing = write(hinted, self.dialect)
            reading = self._read(_only(writing))
            if reading is not None and same(said(reading.pipeline), said(self.pipeline)):
                return writing, reading
        writing = write(self.pipeline, self.dialect)
        return writing, self._read(_only(writing))

    def _document(self, text: str) -> Document:
        return self.base.documents[0].model_copy(update={"text": text})

    def _read(self, text: str | None) -> Reading | None:
        """What a text says at the place of the base."""
        if text is None:
            return None
        try:
            reading = read(_with(self.base, self._document(text)), self.dialect)
        except DefinitionError:
            return None
        return reading if reading.source.nodes else None


def _tries(text: str, sources: tuple[Source, Source, Source], paths: tuple[str, ...]) -> _Tries | _Spliced:
    """How a text is changed: by its statements where its nodes know their characters, otherwise as YAML."""
    there, old, new = sources
    if there.nodes and there.nodes[0].span is not None and there.text == text:
        return _Spliced(there, old, new, paths)
    return _Tries(text, there, old, new)


class _Spliced:
    """A text with the change made in larger and larger statements."""

    def __init__(self, there: Source, old: Source, new: Source, paths: tuple[str, ...]) -> None:
        self.splicing = Splicing(there, new)
        self.old = old.nodes[0]
        self.paths = paths
        """What is wanted otherwise, by the paths of the model."""
        self.left = ATTEMPTS

    def text(self) -> str | None:
        """The text with the change; None when there is no larger unit than the whole."""
        while self.left and "" not in self.splicing.coarse:
            self.left -= 1
            try:
                return self.splicing.text(self.old)
            except Unsure as place:
                self.splicing.coarse.add(place.node.path)
        try:
            paths, self.paths = self.paths, ()
            return self.splicing.by_model(paths) if paths else None
        except Unsure:
            return None

    def failed(self, paths: tuple[str, ...] | None) -> None:
        """The last text differs at these paths of the model, or is none: what is around is replaced next."""
        del paths
        self.splicing.coarse |= {node.parent.path if node.parent else "" for node in self.splicing.places}


class _Tries:
    """A text with the change made in larger and larger units."""

    def __init__(self, text: str, there: Source, old: Source, new: Source) -> None:
        self.there, self.old, self.new = there.nodes[0], old.nodes[0], new
        self.coarse: set[str] = set()
        self.near = False
        self.left = ATTEMPTS
        self.last = text
        self.sections: set[str] = set()
        try:
            self.layout: Layout | None = Layout(text)
        except yaml.YAMLError:
            self.layout = None

    def text(self) -> str | None:
        """The text with the change; None when there is no larger unit, or when it is no YAML."""
        while self.layout is not None and self.left and "" not in self.coarse:
            self.left -= 1
            self.merge = Merge(self.layout, self.there, coarse=self.coarse, near=self.near)
            try:
                self.last = self.merge.text(self.old, self.new.nodes[0])
            except Tangled:
                self.failed(None)
            else:
                return self.last
        return None

    def failed(self, paths: tuple[str, ...] | None) -> None:
        """The last text differs at these paths of the model, or is none."""
        if self.merge.strayed and not self.near:
            self.near = True
            return
        nodes = [self.new.near(path) for path in paths] if paths is not None else self._aliases()
        for node in nodes or [None]:
            at = node
            while at is not None and at.path in self.coarse:
                at = at.parent
            self.coarse.add(at.path if at is not None else "")
        if "" in self.coarse and not self.sections:
            self.sections = self.coarse = self._differing()

    def _differing(self) -> set[str]:
        """The outermost keys whose values the author writes otherwise than they are to be."""
        there, new = self.there.children, self.new.nodes[0].children
        if not isinstance(there, dict) or not isinstance(new, dict):
            return {""}
        identity = Identity()
        return {
            node.path
            for key, node in new.items()
            if key not in there or identity(node) != identity(there[key])
        } or {""}

    def _aliases(self) -> list[Node | None]:
        """What uses an anchor that is gone; nothing when that was tried."""
        anchors = self.layout.anchors if self.layout else {}
        gone = {name for name in anchors if f"&{name}" not in self.last}
        models = [place.node.model for place in self.merge.places.values() if place.uses(gone)]
        nodes = [self.new.near(model) for model in models if model]
        return [node for node in nodes if node is not None and node.path not in self.coarse]


def _only(writing: Writing) -> str | None:
    documents = writing.documents.documents
    return documents[0].text if len(documents) == 1 else None


class _Ends:
    """The line ends and the byte order mark of a text, taken off and put back."""

    def __init__(self, text: str) -> None:
        self.mark = _BOM if text.startswith(_BOM) else ""
        self.lines = text.removeprefix(_BOM).split("\n")
        self.text = "\n".join(line.removesuffix("\r") for line in self.lines)

    def restored(self, text: str) -> str:
        """A text with the line ends that its lines had before, and the most frequent one at new lines."""
        returns = [line.endswith("\r") for line in self.lines[:-1]]
        if not any(returns):
            return self.mark + text
        usual = "\r" if sum(returns) * 2 > len(returns) else ""
        lines = text.split("\n")
        ends = [usual] * len(lines)
        if not all(returns):
            old = self.text.split("\n")
            for low, first, size in SequenceMatcher(None, old, lines, autojunk=False).get_matching_blocks():
                for at in range(size):
                    ends[first + at] = "\r" if self.lines[low + at].endswith("\r") else ""
        ends[-1] = ""
        return self.mark + "\n".join(line + end for line, end in zip(lines, ends, strict=True))
