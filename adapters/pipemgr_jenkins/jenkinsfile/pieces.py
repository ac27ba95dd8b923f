"""Pieces: Groovy strings taken apart, and put together as expressions of the model."""

from __future__ import annotations

from collections.abc import Sequence

from pipemgr.model.expressions import Call, Expression, Literal
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Part

Piece = str | Part


def flat(part: Part) -> tuple[Piece, ...] | None:
    """The pieces of a string, also of one that is put together by `+`; None for an expression that is no string."""
    pieces: list[Piece] = []
    todo: list[Part] = [part]
    certain = False
    while todo:
        match todo.pop():
            case syntax.Operation(operator="+", operands=(left, right)):
                todo += [right, left]
            case syntax.Text(pieces=inner):
                pieces += inner
                certain = True
            case syntax.Constant(value=str(text)):
                pieces.append(text)
                certain = True
            case other:
                pieces.append(other)
    return tuple(pieces) if certain else None


def formatted(pieces: Sequence[str | Expression]) -> Expression:
    """One expression for a text put together of strings and expressions."""
    expressions = [piece for piece in pieces if isinstance(piece, Expression)]
    if not expressions:
        return Literal("".join(str(piece) for piece in pieces))
    if len(expressions) == 1 and all(not piece for piece in pieces if isinstance(piece, str)):
        return expressions[0]
    at = iter(range(len(expressions)))
    pattern = "".join(
        piece.replace("{", "{{").replace("}", "}}") if isinstance(piece, str) else f"{{{next(at)}}}"
        for piece in pieces
    )
    return Call("format", (Literal(pattern), *expressions))
