"""Names in our own expressions: what can be looked up and called, and what nobody knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile

from pipemgr.model.definitions import Pipeline
from pipemgr.model.expressions import Access, Call, Expression, Literal, Name

from .tree import expressions


@dataclass(frozen=True)
class Names:
    """The contexts (`matrix`, `build.number`; what lies below them is free) and functions that there are."""

    contexts: Collection[str]
    functions: Collection[str]

    def strange(self, pipeline: Pipeline) -> Iterator[tuple[str, str]]:
        """Every unknown name of the pipeline's expressions: the path it stands at, and what to say of it."""
        for path, expression in expressions(pipeline):
            for kind, name, known in self._unknown(expression):
                near = get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"
                yield path, f"unknown {kind} {name!r} in an expression{hint}"

    def _unknown(self, node: Expression) -> Iterator[tuple[str, str, Collection[str]]]:
        if isinstance(node, Call) and node.name not in self.functions:
            yield "function", node.name, self.functions
        root, keys = _chain(node)
        if isinstance(root, Name):
            path = _path(root, keys)
            if not any(".".join(path[:end]) in self.contexts for end in range(1, len(path) + 1)):
                yield "name", ".".join(path), self.contexts
        for child in keys or root.children():
            yield from self._unknown(child)
        if keys and not isinstance(root, Name):
            yield from self._unknown(root)


def _chain(node: Expression) -> tuple[Expression, list[Expression]]:
    """What a look-up begins with, and its keys from there on."""
    keys: list[Expression] = []
    while isinstance(node, Access):
        keys.insert(0, node.key)
        node = node.target
    return node, keys


def _path(root: Name, keys: list[Expression]) -> list[str]:
    """The plain words that a look-up begins with: a, b of `a.b[c].d`."""
    plain = takewhile(lambda key: isinstance(key, Literal) and isinstance(key.value, str), keys)
    return [root.name, *(str(key.value) for key in plain if isinstance(key, Literal))]
