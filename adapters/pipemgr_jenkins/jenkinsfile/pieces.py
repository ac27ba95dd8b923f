"""Pieces: Groovy strings taken apart, and put together as expressions of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipemgr.model.expressions import Call, Expression, Literal
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Part

Piece = str | Part
_TWO: Final = 2


def flat(part: Part) -> tuple[Piece, ...] | None:
    """The pieces of a string, also of one that is put together by `+`; None for an expression that is no string.

    `a + b + 'c'` adds `a` and `b` first, whatever they are; only what stands beside a string is put into it.
    """
    chain: list[syntax.Operation] = []
    first = part
    while isinstance(first, syntax.Operation) and first.operator == "+" and len(first.operands) == _TWO:
        chain.append(first)
        first = first.operands[0]
    left = chain[::-1]
    while left and not (_is_string(first) or _is_string(left[0].operands[1])):
        first = left.pop(0)
    if not left and not _is_string(first):
        return None
    return (*_inner(first), *(piece for one in left for piece in _inner(one.operands[1])))


def _inner(part: Part) -> tuple[Piece, ...]:
    """The pieces that one operand gives to a string."""
    match part:
        case syntax.Constant(value=str(text)):
            return (text,)
        case syntax.Text(pieces=pieces):
            return tuple(
                one for piece in pieces for one in ((piece,) if isinstance(piece, str) else _inner(piece))
            )
    return (flat(part) or (part,)) if isinstance(part, syntax.Operation) else (part,)


def _is_string(part: Part) -> bool:
    """Whether a value is a string for certain."""
    todo = [part]
    while todo:
        match todo.pop():
            case syntax.Text() | syntax.Constant(value=str()):
                return True
            case syntax.Operation(operator="+", operands=operands):
                todo += operands
    return False


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
