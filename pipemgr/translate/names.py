"""Names in our own expressions: what can be looked up and called, and what nobody knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pipemgr.model.definitions import Pipeline
from pipemgr.model.expressions import Call, Expression, Name

from .tree import expressions
from .vocabulary import chain, words


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
        root, keys = chain(node)
        if isinstance(root, Name):
            path = words(root, keys)
            if not any(".".join(path[:end]) in self.contexts for end in range(1, len(path) + 1)):
                yield "name", ".".join(path), self.contexts
        for child in keys or root.children():
            yield from self._unknown(child)
        if keys and not isinstance(root, Name):
            yield from self._unknown(root)
