"""A Jenkinsfile as nodes: a declarative pipeline by its sections and stages, anything else by its statements.

The root is {`before`: texts, `pipeline`: {...}, `after`: texts} for declarative, or {`script`: statements}.
`Jenkinsfile.syntax` gives the syntax tree behind a node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipemgr.adapter import Document, Node, ParseError
from pipemgr_jenkins.groovy.parser import parse
from pipemgr_jenkins.groovy.syntax import Block, Call, Code, Method, Part, Script

from .nodes import Spot
from .sections import Sections

LARGEST: Final = 1_000_000
"""The most characters that are read: Jenkins itself can't compile a script that large."""
PIPELINE: Final = "pipeline"
CALL: Final = "call"
"""The method that a library's variable is called by: the one whose pipeline Jenkins takes (ModelParser.parse)."""


@dataclass(frozen=True, kw_only=True)
class Jenkinsfile:
    """The nodes of a Jenkinsfile, and the syntax tree that they were made of."""

    root: Node
    script: Script
    parts: dict[int, Part]

    @property
    def declarative(self) -> bool:
        """Whether it defines a declarative pipeline."""
        return isinstance(self.root.children, dict) and PIPELINE in self.root.children

    def syntax(self, node: Node) -> Part | None:
        """The part of the syntax tree that a node was made of."""
        return self.parts.get(id(node))

    def text(self, node: Node) -> str:
        """The Groovy of a node, as it is written."""
        part = self.syntax(node)
        return self.script.text(part) if part else ""


@dataclass(frozen=True)
class _Found:
    """A pipeline, and the code around it."""

    before: tuple[Part, ...]
    pipeline: Call
    after: tuple[Part, ...]


def grow(document: Document) -> Jenkinsfile:
    """The nodes of a Jenkinsfile; what Jenkins refuses for its structure is a problem at its place.

    Raises `ParseError` for what is no Groovy, or nested or repeated beyond all measure.
    """
    if len(document.text) > LARGEST:
        raise ParseError(
            f"larger than {LARGEST:,} characters",
            where=f"{document.path}:1:1",
            remedy="is this the right file?",
        )
    script = parse(document.text, document.path)
    nodes = Sections(script, document.path)
    root = nodes.root()
    found = _found(script.statements) or _in_method(script)
    if found:
        _texts(nodes, Spot(root, "before"), found.before)
        nodes.pipeline(Spot(root, PIPELINE), found.pipeline)
        _texts(nodes, Spot(root, "after"), found.after)
    else:
        nodes.statements(
            Spot(root, "script"), Block(start=0, end=len(script.source), statements=script.statements)
        )
        for call in _surplus(script):
            nodes.problem(
                call, "a second 'pipeline' in one method can't be read; put each in a file of its own"
            )
        for call in _misplaced(script.statements):
            nodes.problem(
                call, "'pipeline' can't stand in another block; move it to the outermost level of the file"
            )
    return Jenkinsfile(root=root, script=script, parts=nodes.parts)


def _texts(nodes: Sections, spot: Spot, parts: Sequence[Part]) -> None:
    if not parts:
        return
    sequence = nodes.sequence(spot, parts[0])
    for part in parts:
        nodes.scalar(Spot(sequence), part, nodes.text(part).strip())


def _is_pipeline(part: Part) -> bool:
    return isinstance(part, Call) and part.name == PIPELINE and part.target is None and part.block is not None


def _found(statements: Sequence[Part]) -> _Found | None:
    """The first pipeline among statements."""
    for at, part in enumerate(statements):
        if isinstance(part, Call) and _is_pipeline(part):
            return _Found(tuple(statements[:at]), part, tuple(statements[at + 1 :]))
    return None


def _in_method(script: Script) -> _Found | None:
    """The pipeline of a library's method `call`, where there is just one; all else of the file is code around it."""
    for at, part in enumerate(script.statements):
        if isinstance(part, Method) and part.name == CALL:
            around = _of_method(part)
            return around and _Found(
                (*script.statements[:at], *around.before),
                around.pipeline,
                (*around.after, *script.statements[at + 1 :]),
            )
    return None


def _of_method(method: Method) -> _Found | None:
    pipelines = _pipelines(method)
    if len(pipelines) != 1:
        return None
    inner = _found(method.body.statements) or _Found((), pipelines[0], ())
    first = (*inner.before, inner.pipeline)[0].start
    last = (inner.pipeline, *inner.after)[-1].end
    head, foot = Code(start=method.start, end=first), Code(start=last, end=method.end)
    return _Found((head, *inner.before), inner.pipeline, (*inner.after, foot))


def _pipelines(method: Method) -> list[Call]:
    """The pipelines anywhere in a method."""
    return [one for one in method.body.walk() if isinstance(one, Call) and _is_pipeline(one)]


def _surplus(script: Script) -> list[Call]:
    """The second and further pipelines of the method `call`."""
    methods = [one for one in script.statements if isinstance(one, Method) and one.name == CALL]
    return _pipelines(methods[0])[1:] if methods else []


def _misplaced(statements: Sequence[Part]) -> Iterator[Call]:
    """Pipelines in the blocks of other calls, where Jenkins looks for them too (checkForNestedPipelineStep)."""
    todo = list(reversed(statements))
    while todo:
        part = todo.pop()
        if isinstance(part, Call) and part.block:
            for one in part.block.statements:
                if isinstance(one, Call) and _is_pipeline(one):
                    yield one
            todo.extend(reversed(part.block.statements))
