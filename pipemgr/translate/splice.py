"""Splices: an author's text changed by whole statements and values, for languages whose nodes know their characters.

Three trees are compared: the author's, the one of a fresh writing of what that says, and the one of a fresh writing of what
is wanted. What differs between the last two becomes replacements, insertions and deletions in the author's text, with
the author's indentation. Whether the result says what is wanted is for others to find out, by reading it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from .node import Node, Source

_LINE_END: Final = re.compile(r"[ \t]*(?://[^\n]*|/\*[^\n]*?\*/[ \t]*)?(?=\n|\Z)")
"""What may follow a statement in its line and belongs to it: spaces and a comment."""


class Unsure(Exception):
    """A change can't be made at a place by itself."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.path)
        self.node = node


@dataclass
class Splicing:
    """One text being changed; `coarse` are paths of nodes in it that are replaced as a whole."""

    there: Source
    new: Source
    coarse: set[str] = field(default_factory=set)

    def text(self, old: Node) -> str:
        """The author's text with the change; raises `Unsure` where a larger unit is needed."""
        self._cuts: list[tuple[int, int, str]] = []
        self.places: list[Node] = []
        """The author's nodes that were changed."""
        self._compare(self.there.nodes[0], old, self.new.nodes[0])
        return self._spliced()

    def _spliced(self) -> str:
        found = self.there.text
        for start, end, put in sorted(self._cuts, key=lambda cut: cut[:2], reverse=True):
            found = found[:start] + put + found[end:]
        return found

    def by_model(self, paths: Iterable[str]) -> str:
        """The author's text with what feeds each of these model paths replaced by what feeds it in the fresh writing.

        For texts that are built otherwise than a fresh writing. Raises `Unsure` where no node feeds a path.
        """
        self._cuts, self.places = [], []
        for path in paths:
            mine, wanted = (_feeding(source, path) for source in (self.there, self.new))
            if mine is None or wanted is None:
                raise Unsure(self.there.nodes[0])
            self._replace(mine, wanted)
        return self._spliced()

    # Where they differ ----------------------------------------------------------------------------------

    def _compare(self, there: Node, old: Node, new: Node) -> None:
        before, after = said(old), said(new)
        if before == after:
            return
        match there.children, old.children, new.children:
            case dict() as mine, dict() as theirs, dict() as wanted if there.path not in self.coarse:
                self._mappings(there, mine, theirs, wanted)
            case list() as mine, list() as theirs, list() as wanted if there.path not in self.coarse and len(
                mine
            ) == len(theirs):
                self._sequences(there, mine, theirs, wanted)
            case _:
                self._replace(there, new)

    def _mappings(
        self, there: Node, mine: dict[str, Node], theirs: dict[str, Node], wanted: dict[str, Node]
    ) -> None:
        for key in theirs.keys() - wanted.keys():
            if key not in mine:
                raise Unsure(there)
            self._delete(mine[key])
        previous: Node | None = None
        for key, node in wanted.items():
            if key not in theirs:
                if previous is None or not _apart(previous, self.there):
                    raise Unsure(there)
                self._insert(previous, node)
            elif key not in mine:
                if said(theirs[key]) != said(node):
                    raise Unsure(there)
            else:
                self._compare(mine[key], theirs[key], node)
                previous = mine[key]

    def _sequences(
        self, there: Node, mine: Sequence[Node], theirs: Sequence[Node], wanted: Sequence[Node]
    ) -> None:
        before, after = ([repr(said(one)) for one in several] for several in (theirs, wanted))
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for tag, low, high, first, last in matcher.get_opcodes():
            if tag == "equal":
                continue
            shared = min(high - low, last - first)
            for at in range(shared):
                self._compare(mine[low + at], theirs[low + at], wanted[first + at])
            for node in mine[low + shared : high]:
                self._delete(node)
            for node in wanted[first + shared : last]:
                at = low + shared
                if not mine:
                    raise Unsure(there)
                if at:
                    self._insert(mine[at - 1], node)
                else:
                    self._insert(mine[0], node, before=True)

    # How the text changes -------------------------------------------------------------------------------

    def _replace(self, there: Node, new: Node) -> None:
        start, end = _span(there)
        self.places.append(there)
        self._cuts.append((start, end, self._put(new, _indent(self.there.text, start))))

    def _insert(self, beside: Node, new: Node, *, before: bool = False) -> None:
        start, end = _span(beside)
        if not _apart(beside, self.there):
            raise Unsure(beside.parent or beside)
        self.places.append(beside)
        indent = _indent(self.there.text, start)
        if before:
            at = start
            self._cuts.append((at, at, f"{self._put(new, indent)}\n{indent}"))
            return
        stop = _LINE_END.match(self.there.text, end)
        at = stop.end() if stop else end
        self._cuts.append((at, at, f"\n{indent}{self._put(new, indent)}"))

    def _delete(self, node: Node) -> None:
        start, end = _span(node)
        if not _apart(node, self.there):
            raise Unsure(node.parent or node)
        self.places.append(node)
        text = self.there.text
        stop = _LINE_END.match(text, end)
        first = text.rfind("\n", 0, start) + 1
        last = stop.end() if stop else end
        self._cuts.append((first, min(last + 1, len(text)), ""))

    def _put(self, new: Node, indent: str) -> str:
        """A piece of the fresh writing, with the author's indentation."""
        start, end = _span(new)
        own = _indent(self.new.text, start)
        first, *rest = self.new.text[start:end].split("\n")
        return "\n".join([first, *(_reindented(line, own, indent) for line in rest)])


def _feeding(source: Source, path: str) -> Node | None:
    """The innermost node that becomes just what a model path has."""
    return next(
        (node for node in reversed(source.nodes) if node.model == path and node.span is not None), None
    )


def _reindented(line: str, old: str, new: str) -> str:
    return new + line.removeprefix(old) if line.startswith(old) and line.strip() else line


def _span(node: Node) -> tuple[int, int]:
    if node.span is None:
        raise Unsure(node.parent or node)
    return node.span


def _indent(text: str, at: int) -> str:
    """The spaces that the line of a character begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _apart(node: Node, source: Source) -> bool:
    """Whether it stands in lines of its own."""
    start, end = _span(node)
    text = source.text
    return not text[text.rfind("\n", 0, start) + 1 : start].strip() and _LINE_END.match(text, end) is not None


def said(node: Node) -> Any:
    """What a node holds."""
    match node.children:
        case dict() as inner:
            return {key: said(one) for key, one in inner.items()}
        case list() as several:
            return [said(one) for one in several]
    return (type(node.value), node.value)
