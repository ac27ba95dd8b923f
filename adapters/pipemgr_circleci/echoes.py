"""Echoes: copies of a definition's nodes, one for each of its uses, which tell the originals what became of them.

A command or job that is used twice becomes two parts of the pipeline, but its text stands there once. Each use reads
a copy with its own parameters filled in; in the end the first use that read a node says what the node feeds.
"""

from __future__ import annotations

from typing import Any, Final

from pipemgr.adapter import Fidelity, Node, ParseError, Source

MAX_COPIES: Final = 60_000
"""The most values that are read with all commands, jobs and parameters written out: real files have a thousand."""
MAX_CHARACTERS: Final = 5_000_000
"""The longest text that parameters may be filled in as, all together."""


class Echo(Node):
    """A copy of a node. Problems and findings that are told to it have the place of the original."""

    __slots__ = ("library", "real")

    real: Node
    library: object
    """Where the names that its text uses are defined."""


class Echoes:
    """All copies of one document's nodes."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.scratch = Source(source.name, source.text)
        self.scratch.problems, self.scratch.findings = source.problems, source.findings
        self.filled: list[tuple[Node, Node]] = []
        """Arguments, and the nodes whose text they became part of."""
        self._characters = 0

    def echo(self, node: Node, parent: Node | None, key: str | int, library: object) -> Echo:
        """A copy of the node alone, without what is below. Raises `ParseError` for one copy too many."""
        if len(self.scratch.nodes) >= MAX_COPIES:
            raise _too_much(f"more than {MAX_COPIES:,} values", node)
        made = Echo(self.scratch, parent, key, node.value, node.line, node.column, node.start)
        made.real = real(node)
        made.library = library
        return made

    def spend(self, text: str, node: Node) -> str:
        """A text that is filled in at a node. Raises `ParseError` when all such texts are too long."""
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise _too_much(f"more than {MAX_CHARACTERS:,} characters", node)
        return text

    def copy(self, node: Node, parent: Node | None, key: str | int, library: object) -> Echo:
        """A copy of the node and all below; copies of copies keep where their names are defined."""
        library = getattr(node, "library", library)
        made = self.echo(node, parent, key, library)
        match node.children:
            case dict() as entries:
                made.children = {name: self.copy(one, made, name, library) for name, one in entries.items()}
            case list() as elements:
                made.children = [self.copy(one, made, at, library) for at, one in enumerate(elements)]
        return made

    def mark(self) -> tuple[int, ...]:
        """Where we are, for `forget`."""
        return (
            len(self.scratch.nodes),
            len(self.filled),
            len(self.source.problems),
            len(self.source.findings),
        )

    def forget(self, mark: tuple[int, ...]) -> None:
        """Forget all that was copied and said since."""
        lists: tuple[list[Any], ...] = (
            self.scratch.nodes,
            self.filled,
            self.source.problems,
            self.source.findings,
        )
        for one, length in zip(lists, mark, strict=True):
            del one[length:]

    def settle(self) -> None:
        """Tell the originals what became of them; to be called once, when reading is over."""
        told: dict[int, bool] = {}
        for one in self.scratch.nodes:
            if isinstance(one, Echo) and one.touched and id(one.real) not in told:
                told[id(one.real)] = one.fed is not None
                one.real.touched = True
                if one.real.lost is Fidelity.EXACT:
                    one.real.lost = one.lost
                _feed(one.real, one)
        for argument, site in self.filled:
            original = real(argument)
            if original.fed is None and site.model and not told.get(id(original)):
                original.take().feeds(site.model)


def _too_much(what: str, node: Node) -> ParseError:
    message = f"{what}, with all commands, jobs and parameters written out"
    return ParseError(
        message, where=real(node).where, remedy="let fewer commands call commands, or split the definition"
    )


def real(node: Node) -> Node:
    """The original of a node."""
    return node.real if isinstance(node, Echo) else node


def _feed(original: Node, echo: Echo) -> None:
    model = echo.model
    if original.fed is None and model and original.model != model:
        original.feeds(model)
