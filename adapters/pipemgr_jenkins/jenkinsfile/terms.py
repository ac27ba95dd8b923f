"""Terms: what a writer of Groovy calls things at one place, and whom it tells of what Jenkins has no word for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.expressions import Access, Expression, Literal, Name

from .scope import Words

Lost = Callable[[Fidelity, str, str], None]
OWN: Final = (Name("env"), Name("params"), Name("currentBuild"))
"""Names of Groovy that stand for themselves:
https://www.jenkins.io/doc/book/pipeline/getting-started/#global-variable-reference"""
_MATRIX: Final = Name("matrix")


def _nobody(_fidelity: Fidelity, _what: str, _why: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Names of one place."""

    words: Words = field(default_factory=Words)
    lost: Lost = _nobody
    """Hears of what has no word: the fidelity, what it is about, and why."""
    known: Mapping[str, str] = field(default_factory=dict)
    """Groovy for paths of the model that have none by themselves: `{"steps.a.outputs.b": "env.A_B"}`."""
    axes: frozenset[str] | None = None
    """Axes of the matrix around, which are environment variables; None where all of them are."""

    def of(self, node: Expression) -> str | Expression | None:
        """Groovy for a path, or the expression in Jenkins' names; None where Jenkins has nothing like it."""
        if str(node) in self.known:
            return self.known[str(node)]
        keys: list[Expression] = []
        here = node
        while isinstance(here, Access) and str(here) not in self.words.contexts:
            keys.insert(0, here.key)
            here = here.target
        if here == _MATRIX and self.axes is not None and not (keys and _word(keys[0]) in self.axes):
            return None
        if not isinstance(here, Name | Access):
            return node
        theirs = here if here in OWN else self.words.contexts.get(str(here))
        return None if theirs is None else _below(theirs, keys)


def _word(key: Expression) -> str:
    return str(key.value) if isinstance(key, Literal) else ""


def _below(node: Expression, keys: list[Expression]) -> Expression | None:
    """What lies below one of Jenkins' names; variables and parameters hold texts, so nothing lies below one."""
    flat = isinstance(node, Access) or node in (Name("env"), Name("params"))
    if flat and len(keys) > (node in OWN):
        return None
    for key in keys:
        node = Access(node, key)
    return node
