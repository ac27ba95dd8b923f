"""Texts: Groovy strings become texts of the model, with `${{ }}` in them."""

from __future__ import annotations

from pipemgr.model.expressions import Expression, Literal
from pipemgr.model.templates import untemplate
from pipemgr_jenkins.groovy.syntax import Part

from .expressions import expression
from .pieces import flat
from .scope import Scope


def text(part: Part, scope: Scope) -> str:
    """A constant, a string or any other value as a text; what is no constant is a template in it."""
    pieces = flat(part) or (part,)
    return untemplate(
        tuple(piece if isinstance(piece, str) else shown(expression(piece, scope)) for piece in pieces)
    )


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
