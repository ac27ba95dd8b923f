"""Nodes: a document's values with their places, which remember whether anybody read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from .report import RANK, Accounting, Fidelity, Finding, account

Plain = bool | int | float | str | None

_KINDS: Final[dict[type, str]] = {bool: "boolean", int: "number", float: "number", str: "string"}
_DIGITS: Final = 1e21
"""From here on JSON writes whole numbers with an exponent."""


class Source:
    """All nodes of one document, and what its reader had to say about them.

    A reader takes values out of nodes; whatever nobody took when it ends is a finding, by construction.
    """

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self.text = text
        self.nodes: list[Node] = []
        self.problems: list[tuple[str, str]] = []
        """What makes the document invalid: (`file:line:column`, message)."""
        self.findings: list[Finding] = []

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.text.split("\n")

    def unread(self) -> tuple[Finding, ...]:
        """A finding for each outermost node that nobody read."""
        return tuple(
            Finding(
                fidelity=Fidelity.DROPPED,
                path=node.path,
                source=node.where,
                what=node.label,
                why="not understood by this reader",
                remedy="check the spelling, or add it by hand to the output",
            )
            for node in self.nodes
            if not node.touched and (node.parent is None or node.parent.touched)
        )

    def accounting(self, losses: Mapping[str, Fidelity] | None = None) -> Accounting:
        """Each node in one bucket, the worst of what was said of it, of what it stands in and of what it feeds.

        `losses` are fidelities of the writer, by model path. One that no node feeds counts for the node around.
        """
        losses = losses or {}
        kept: dict[int, Fidelity] = {}
        for node in self.nodes:
            above = node.parent
            said = [node.lost] if above is None else [node.lost, kept[id(above)]]
            said += [losses[path] for path in node.own_paths() if path in losses]
            kept[id(node)] = max(said, key=RANK.__getitem__) if node.touched else Fidelity.DROPPED
        for path, fidelity in losses.items():
            if path not in self._fed and (near := self.near(path)) is not None:
                kept[id(near)] = max(kept[id(near)], fidelity, key=RANK.__getitem__)
        return account(kept.values())

    def place(self, model: str) -> str:
        """Where in the document the model's `model` path came from, or the nearest path around it.

        To be asked when reading is over.
        """
        near = self.near(model)
        return near.where if near else self.name

    def near(self, model: str) -> Node | None:
        """The node that feeds the model's `model` path, or the nearest path around it."""
        around = reversed(list(prefixes(model)))
        return next(
            (self._fed[path] for path in around if path in self._fed), self.nodes[0] if self.nodes else None
        )

    @cached_property
    def _fed(self) -> dict[str, Node]:
        """The first node that feeds each model path."""
        return {node.model: node for node in reversed(self.nodes)}


def prefixes(path: str) -> Iterator[str]:
    """`a`, `a.b`, `a.b[0]` of `a.b[0]`: a path and all that it lies in, outermost first."""
    for at, character in enumerate(path):
        if character in ".[" and at:
            yield path[:at]
    if path:
        yield path


class Node:
    """A mapping, a sequence or a scalar of a document.

    Taking a value out (`text`, `items`, `entries`, `plain`, ...) marks the node as read. A value of the wrong
    type becomes a problem at the node's place, and the answer is the type's empty value, so that a reader goes
    on and all problems of a file are told at once.
    """

    __slots__ = (
        "children",
        "key",
        "line",
        "lost",
        "fed",
        "origin",
        "parent",
        "span",
        "start",
        "touched",
        "value",
        "column",
    )

    def __init__(  # noqa: PLR0913 - a node is made in one place only, by the composer
        self,
        origin: Source,
        parent: Node | None,
        key: str | int,
        value: Plain,
        line: int,
        column: int,
        start: tuple[int, int] | None = None,
    ) -> None:
        self.origin = origin
        self.parent = parent
        self.key = key
        self.value: Plain = value
        """The scalar, typed by the YAML 1.2 core schema; None for collections."""
        self.children: dict[str, Node] | list[Node] | None = None
        self.line = line
        self.column = column
        """Where to show it: at its key, if it has one."""
        self.start = start or (line, column)
        """Line and column of the value itself."""
        self.span: tuple[int, int] | None = None
        """The characters of the whole statement or value, in languages whose texts are edited by them."""
        self.touched = False
        self.lost: Fidelity = Fidelity.EXACT
        self.fed: str | None = None
        origin.nodes.append(self)

    # Where it is ---------------------------------------------------------------------------------------

    @property
    def where(self) -> str:
        """`file:line:column`, counted from 1."""
        return f"{self.origin.name}:{self.line}:{self.column}"

    @property
    def path(self) -> str:
        """Where it stands in its document: `jobs.test.steps[2].run`."""
        if self.parent is None:
            return ""
        above = self.parent.path
        if isinstance(self.key, int):
            return f"{above}[{self.key}]"
        return f"{above}.{self.key}" if above else self.key

    @property
    def label(self) -> str:
        """What to call it in a message: its key, or for elements of a list its path."""
        return repr(self.key) if isinstance(self.key, str) and self.key else (self.path or "the document")

    @property
    def kind(self) -> str:
        """`mapping`, `sequence`, or the type of the scalar: `string`, `number`, `boolean`, `null`."""
        match self.children:
            case dict():
                return "mapping"
            case list():
                return "sequence"
        return _KINDS.get(type(self.value), "null")

    @property
    def is_null(self) -> bool:
        """Whether it is the empty value."""
        return self.kind == "null"

    def feeds(self, model: str) -> Node:
        """Say which path of the pipeline this node becomes; nodes below follow by their keys."""
        self.fed = model
        return self

    @property
    def model(self) -> str:
        """The path of the pipeline that this node becomes; empty when nobody said."""
        if self.fed is not None or self.parent is None:
            return self.fed or ""
        above = self.parent.model
        return above and (f"{above}[{self.key}]" if isinstance(self.key, int) else f"{above}.{self.key}")

    def own_paths(self) -> Iterator[str]:
        """The model paths this node lies in that its parent does not."""
        above = 0 if self.parent is None or self.fed is not None else len(self.parent.model)
        return (path for path in prefixes(self.model) if len(path) > above)

    def at(self, offset: int) -> str:
        """The place of a character of the scalar's text; of its beginning where escapes or folds hide it."""
        if not isinstance(self.value, str):
            return self.where
        line, column = self.start
        lines = self.origin.lines
        breaks = self.value.count("\n", 0, offset)
        begin = self.value.rfind("\n", 0, offset) + 1
        segment = self.value[begin:].partition("\n")[0]
        first = line - 1 if not breaks and segment in lines[line - 1][column - 1 :] else line + breaks
        text = lines[first] if first < len(lines) else ""
        found = text.find(segment, column - 1 if first == line - 1 else 0)
        if not segment or found < 0:
            return f"{self.origin.name}:{line}:{column}"
        return f"{self.origin.name}:{first + 1}:{found + 1 + offset - begin}"

    # Taking values -------------------------------------------------------------------------------------

    def _below(self) -> Iterator[Node]:
        yield from self.children.values() if isinstance(self.children, dict) else self.children or ()

    def take(self) -> Node:
        """Mark the node itself as read (not what is below)."""
        self.touched = True
        return self

    def take_all(self) -> Node:
        """Mark the node and all below as read."""
        self.take()
        for child in self._below():
            child.take_all()
        return self

    def get(self, key: str) -> Node | None:
        """The value of a key, or None where there is none; marks this mapping, not the value."""
        return self.items().get(key)

    def items(self) -> dict[str, Node]:
        """Keys and values of a mapping (of null: none)."""
        self.take()
        if isinstance(self.children, dict):
            return self.children
        if not self.is_null:
            self._wrong("a mapping")
        return {}

    def entries(self) -> list[Node]:
        """The elements of a sequence (of null: none)."""
        self.take()
        if isinstance(self.children, list):
            return self.children
        if not self.is_null:
            self._wrong("a sequence")
        return []

    def one_or_many(self) -> list[Node]:
        """The elements of a sequence, or a single scalar as one."""
        return [self] if self.children is None and not self.is_null else self.entries()

    def text(self) -> str:
        """The scalar as a string: numbers and booleans as JSON writes them, null as ''."""
        self.take()
        match self.value:
            case str():
                return self.value
            case bool():
                return "true" if self.value else "false"
            case None if self.children is not None:
                self._wrong("a string")
                return ""
            case None:
                return ""
            case float() if self.value.is_integer() and abs(self.value) < _DIGITS:
                return str(int(self.value))
            case _:
                return repr(self.value)

    def flag(self) -> bool:
        """A boolean."""
        self.take()
        if not isinstance(self.value, bool):
            self._wrong("true or false")
        return bool(self.value)

    def number(self) -> int | float:
        """A number."""
        self.take()
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self._wrong("a number")
            return 0
        return self.value

    def plain(self) -> Any:
        """The value as plain data, with all below it."""
        self.take()
        match self.children:
            case dict():
                return {key: child.plain() for key, child in self.children.items()}
            case list():
                return [child.plain() for child in self.children]
        return self.value

    # Saying things -------------------------------------------------------------------------------------

    def _wrong(self, wanted: str) -> None:
        self.take_all()
        self.problem(f"{self.label} must be {wanted}, not a {self.kind}")

    def problem(self, message: str, offset: int | None = None) -> None:
        """The document is invalid here, or at a character of the scalar's text."""
        self.origin.problems.append((self.where if offset is None else self.at(offset), message))

    def finding(self, fidelity: Fidelity, what: str, why: str, remedy: str = "") -> None:
        """This node (and all below) is kept only that well; counts as read."""
        self.take_all()
        self.lost = max(self.lost, fidelity, key=RANK.__getitem__)
        path = self.model or self.path
        self.origin.findings.append(
            Finding(fidelity=fidelity, path=path, source=self.where, what=what, why=why, remedy=remedy)
        )
