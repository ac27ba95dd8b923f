"""Known values: the variables that a definition gives, which may be made of one another, each worked out once.

A variable that names itself, or comes back to itself by way of others, means the one of that name further out; where
there is none, the machine's own, which the definition can't tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipemgr.model.expressions import Access, Call, Expression, ExpressionError, Literal, Name, transform
from pipemgr.model.templates import template, untemplate

_VARIABLES: Final = Name("variables")
_DEPTH: Final = 20
"""Variables made of variables are worked out so deep."""
_LONGEST: Final = 10_000
"""A value that would be longer, in characters, stays as it was said."""


def variable(node: object) -> str | None:
    """The name of the variable that an expression asks for, if it does nothing else."""
    match node:
        case Access(target, Literal(str(name))) if target == _VARIABLES:
            return name
    return None


class Known:
    """The values of some variables, and of those further out."""

    def __init__(self, variables: Mapping[str, str], outer: Known | None = None) -> None:
        self._variables = variables
        self._outer = outer
        self._values: dict[str, str] = {}
        self._busy: set[str] = set()

    def texts(self) -> dict[str, str]:
        """The variables with their values, as far as they are known."""
        return {name: self._value(name) for name in self._variables}

    def text(self, name: str) -> str | None:
        """The value of a variable; None where the definition doesn't tell it, or only its vendor understands it."""
        if name not in self._variables or name in self._busy:
            return self._outer.text(name) if self._outer else None
        value = self._value(name)
        return None if "opaque(" in value else value

    def expression(self, node: Expression) -> Expression:
        """An expression with the values of variables in it."""
        return transform(node, self._filled)

    def _value(self, name: str) -> str:
        if name not in self._values:
            self._busy.add(name)
            self._values[name] = self._worked_out(self._variables[name])
            self._busy.discard(name)
        return self._values[name]

    def _worked_out(self, text: str) -> str:
        if "${{" not in text or len(self._busy) > _DEPTH:
            return text
        try:
            parts = template(text)
        except ExpressionError:
            return text
        value = untemplate(tuple(piece for part in parts for piece in self._pieces(part)))
        return value if len(value) <= _LONGEST else text

    def _pieces(self, part: str | Expression) -> tuple[str | Expression, ...]:
        if isinstance(part, str):
            return (part,)
        text = self.text(variable(part) or "")
        return _parts(text) if text is not None else (self.expression(part),)

    def _filled(self, node: Expression) -> Expression:
        text = self.text(variable(node) or "")
        if text is None:
            return node
        match _parts(text):
            case ():
                return Literal("")
            case (str(one),):
                return Literal(one)
            case (Expression() as value,):
                return value
            case parts:
                return _formatted(parts)


def _parts(text: str) -> tuple[str | Expression, ...]:
    try:
        return template(text)
    except ExpressionError:
        return (text,)


def _formatted(parts: tuple[str | Expression, ...]) -> Expression:
    """A text with values in it, as one value."""
    values = [part for part in parts if isinstance(part, Expression)]
    places = iter(range(len(values)))
    texts = (
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{next(places)}}}"
        for part in parts
    )
    return Call("format", (Literal("".join(texts)), *values))
