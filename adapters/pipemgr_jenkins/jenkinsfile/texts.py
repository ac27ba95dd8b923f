"""Texts: Groovy strings become texts of the model, with `${{ }}` in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from pipemgr.model.expressions import Expression, Literal
from pipemgr.model.templates import untemplate
from pipemgr_jenkins.groovy.syntax import Part

from .expressions import expression
from .pieces import flat
from .scope import Scope


def text(part: Part, scope: Scope) -> str:
    """A constant, a string or any other value as a text; what is no constant is a template in it."""
    parts = [
        piece if isinstance(piece, str) else shown(expression(piece, scope))
        for piece in flat(part) or (part,)
    ]
    return untemplate(tuple(_joined(parts)))


def _joined(parts: Iterable[str | Expression]) -> Iterator[str | Expression]:
    """The parts with texts that follow one another as one: only so a mark of templates is seen in them."""
    for plain, several in groupby(parts, lambda one: isinstance(one, str)):
        if plain:
            yield "".join(map(str, several))
        else:
            yield from several


def shown(value: Expression) -> str | Expression:
    """A part of a text: constants as Groovy shows them."""
    match value:
        case Literal(bool(flag)):
            return "true" if flag else "false"
        case Literal(None):
            return "null"
        case Literal(known):
            return str(known)
    return value
