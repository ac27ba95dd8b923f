"""Nodes for parts of a Groovy syntax tree: each knows its place, and the part that it was made of."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from pipemgr.adapter import Node, ParseError, Source
from pipemgr_jenkins.groovy.syntax import Atom, Part, Script

MAX_DEPTH: Final = 100
"""The deepest nesting of nodes, as in YAML; statements and values that would go deeper stay Groovy text."""
MAX_NODES: Final = 200_000
"""The most nodes of one file, as in YAML: real files have a few thousand."""
_SPARE: Final = 4
"""The levels that the parts of one statement or value may need below it."""


class Spot(NamedTuple):
    """Where a node goes: below `parent`, under `key`; elements of a sequence need none."""

    parent: Node
    key: str = ""


class Nodes:
    """Makes the nodes of one file."""

    def __init__(self, script: Script, name: str) -> None:
        self.script = script
        self.source = Source(name, script.source)
        self.parts: dict[int, Part] = {}
        self._depths: dict[int, int] = {}
        self._lines = [0, *(at + 1 for at, one in enumerate(script.source) if one == "\n")]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, counted from 1."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def text(self, part: Part) -> str:
        """The characters of a part."""
        return self.script.text(part)

    def problem(self, part: Part, message: str) -> None:
        """Say what is wrong with a part that gets no node of its own."""
        line, column = self.place(part.start)
        self.source.problems.append((f"{self.source.name}:{line}:{column}", message))

    def root(self) -> Node:
        """The node of the whole file, a mapping."""
        node = Node(self.source, None, "", None, 1, 1)
        node.children = {}
        node.span = (0, len(self.script.source))
        self._depths[id(node)] = 0
        self.parts[id(node)] = self.script
        return node

    def scalar(self, spot: Spot, part: Part, value: Atom, at: Part | None = None) -> Node:
        """A node without others below; `at` is where to show it, if not at the part itself."""
        parent, key = spot
        line, column = self.place((at or part).start)
        siblings = parent.children
        depth = self._depths[id(parent)] + 1
        if depth > MAX_DEPTH:
            self._refuse(part, f"nested more than {MAX_DEPTH} deep")
        if len(self.source.nodes) >= MAX_NODES:
            self._refuse(part, f"more than {MAX_NODES:,} statements and values")
        name = len(siblings) if isinstance(siblings, list) else key
        node = Node(self.source, parent, name, value, line, column, self.place(part.start))
        node.span = (part.start, part.end)
        self._depths[id(node)] = depth
        self.parts[id(node)] = part
        if isinstance(siblings, list):
            siblings.append(node)
        elif siblings is not None:
            siblings[key] = node
        return node

    def mapping(self, spot: Spot, part: Part, at: Part | None = None) -> Node:
        """A node for further ones by their keys."""
        node = self.scalar(spot, part, None, at)
        node.children = {}
        return node

    def sequence(self, spot: Spot, part: Part, at: Part | None = None) -> Node:
        """A node for further ones in their order."""
        node = self.scalar(spot, part, None, at)
        node.children = []
        return node

    def deep(self, node: Node) -> bool:
        """Whether what comes below should stay text, for nothing may be nested without end."""
        return self._depths[id(node)] > MAX_DEPTH - _SPARE

    def _refuse(self, part: Part, message: str) -> None:
        line, column = self.place(part.start)
        raise ParseError(
            message, where=f"{self.source.name}:{line}:{column}", remedy="is this the right file?"
        )


def short(text: str) -> str:
    """What to call a piece of Groovy in a message: its first line, in quotes."""
    line, more, _ = text.strip().partition("\n")
    return repr(line if len(line) <= 60 and not more else f"{line[:57].rstrip()}...")  # noqa: PLR2004 - fits a line
