"""Folding: conditions decided as far as anybody can know when a definition is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from math import nan

from pipemgr.model.expressions import (
    Access,
    Atom,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Not,
    chained,
    transform,
)

Known = Mapping[str, Atom]
"""What is known already, by the text of the expression: `{"runner.os": "Linux"}`."""
TRUE, FALSE = Literal(value=True), Literal(value=False)


def fold(node: Expression, known: Known) -> Expression:
    """The expression with what is known filled in, and decided as far as it can be."""
    return transform(node, lambda one: _folded(one, known))


def conjuncts(node: Expression | None) -> tuple[Expression, ...]:
    """The conditions that must all hold for this one to hold; none for what always does."""
    match node:
        case None:
            return ()
        case Literal(value) if value is True:
            return ()
        case Binary("&&", left, right):
            return (*conjuncts(left), *conjuncts(right))
    return (node,)


def joined(nodes: Iterable[Expression], operator: str = "&&") -> Expression | None:
    """All conditions as one; None when there are none."""
    found = tuple(dict.fromkeys(nodes))
    return chained(operator, found) if found else None


def access(text: str) -> Expression:
    """The expression for a path of plain words: `pipeline.git.branch`."""
    first, *rest = text.split(".")
    return reduce(lambda node, key: Access(node, Literal(key)), rest, _root(first))


def _root(name: str) -> Expression:
    return Name(name)


def _folded(node: Expression, known: Known) -> Expression:
    match node:
        case Access() | Name() if known and (text := path_of(node)) in known:
            return Literal(known[text])
        case Not(Literal(value)):
            return Literal(not value)
        case Not(Not(operand)):
            return operand
        case Not(Binary(("==" | "!=") as operator, left, right)):
            return Binary("!=" if operator == "==" else "==", left, right)
        case Binary("&&" | "||"):
            return _decided(node)
        case Binary(("==" | "!=") as operator, Literal(left), Literal(right)):
            return Literal(_same(left, right) == (operator == "=="))
        case Call(name, (Literal(str(text)), Literal(str(part)))):
            return _tested(node, name, text, part)
    return node


def path_of(node: Expression) -> str:
    """The text of a path of plain words, `matrix.os`; empty for any other expression."""
    if not isinstance(node, Access | Name):
        return ""
    keys = [one.key for one in node.walk() if isinstance(one, Access)]
    return str(node) if all(isinstance(key, Literal) for key in keys) else ""


def _decided(node: Binary) -> Expression:
    """`&&` and `||` with one side known; the side that decides nothing goes."""
    both = node.operator == "&&"
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(one, Literal) and isinstance(one.value, bool):
            return other if one.value is both else one
    if isinstance(node.left, Literal):
        return node.right if bool(node.left.value) is both else node.left
    return node.left if node.left == node.right else node


def _same(left: Atom, right: Atom) -> bool:
    """Equality as expressions have it: texts without regard to case, values of two types as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return left == right if type(left) is type(right) else _number(left) == _number(right)


def _number(value: Atom) -> float:
    """A value as a number, as it is compared with one of another type; what is none equals nothing."""
    try:
        return float(value or 0)
    except ValueError:
        return nan


def _tested(node: Expression, name: str, text: str, part: str) -> Expression:
    match name:
        case "starts_with":
            return Literal(text.lower().startswith(part.lower()))
        case "ends_with":
            return Literal(text.lower().endswith(part.lower()))
        case "contains":
            return Literal(part.lower() in text.lower())
    return node
