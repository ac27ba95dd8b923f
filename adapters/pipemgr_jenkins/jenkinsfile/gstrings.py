"""GStrings: texts of the model as Groovy strings, and what secrets they would give away."""

from __future__ import annotations

from pipemgr.model.expressions import Access, Expression, ExpressionError, Literal, Name
from pipemgr.model.templates import Part, template
from pipemgr_jenkins.groovy.quoting import Expression as Code
from pipemgr_jenkins.groovy.quoting import interpolated

from .expression_writer import piece
from .terms import Terms


def parts(text: str) -> tuple[Part, ...]:
    """The parts of a text; one that is no template is a text as it is."""
    try:
        return template(text)
    except ExpressionError:
        return (text,)


def gstring(text: str, terms: Terms) -> str:
    """A text as a Groovy string: in single quotes where nothing is put into it."""
    return interpolated([one if isinstance(one, str) else piece(one, terms) for one in parts(text)])


def code(text: str, terms: Terms) -> str:
    """A text as Groovy; one that is an expression and nothing else needs no string around it."""
    match parts(text):
        case (Expression() as only,):
            found = piece(only, terms)
            return str(found) if isinstance(found, Code) else interpolated([found])
    return gstring(text, terms)


def secrets(text: str) -> tuple[str, ...]:
    """The secrets that a text uses, each once. No string may hold them: scripts take them from the environment."""
    found: dict[str, None] = {}
    for part in parts(text):
        for node in part.walk() if isinstance(part, Expression) else ():
            match node:
                case Access(Name("secrets"), Literal(str(name))):
                    found[name] = None
    return tuple(found)
