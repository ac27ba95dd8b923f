"""Logic: what conditions are made of, and the paths and chains of Groovy that they are read from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pipemgr.adapter import regex_to_expression
from pipemgr.model.expressions import Access, Atom, Binary, Call, Expression, Literal, Name, Not, chained
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Part

EMPTY: Final = Literal("")
_NEGATED: Final = {"==": "!=", "!=": "=="}
Path = tuple[Atom, ...]


def negated(node: Expression) -> Expression:
    """The opposite of a condition."""
    match node:
        case Literal(value):
            return Literal(not value)
        case Not(operand):
            return operand
        case Binary(("==" | "!=") as operator, left, right):
            return Binary(_NEGATED[operator], left, right)
    return Not(node)


def joined(operator: str, conditions: Iterable[Expression]) -> Expression:
    """Conditions joined by `&&` or `||`, each once, without those that decide nothing."""
    idle = Literal(operator == "&&")
    found: dict[Expression, None] = {}
    todo = list(conditions)[::-1]
    while todo:
        match todo.pop():
            case Binary(known, left, right) if known == operator:
                todo += [right, left]
            case other if other != idle:
                found[other] = None
    return chained(operator, tuple(found)) if found else idle


def matches(subject: Expression, pattern: str) -> Expression:
    """A regular expression for a whole text; as a plain comparison where that says the same."""
    plain = regex_to_expression(subject, pattern)
    match plain:
        case Binary("==") | Call():
            return plain
    return Call("matches", (subject, Literal(pattern)))


def found(pattern: str) -> str:
    """The regular expression for the whole of a text in which `pattern` is found."""
    if "|" in re.sub(r"\\.|\([^()]*\)|\[[^\[\]]*\]", "", pattern):
        return f".*(?:{pattern}).*"
    begins, ends = pattern.startswith("^"), bool(re.search(r"(?<!\\)(?:\\\\)*\$\Z", pattern))
    body = pattern[begins : len(pattern) - ends]
    return f"{'' if begins else '.*'}{body}{'' if ends else '.*'}"


def in_any_case(same: Expression) -> Expression:
    """A comparison that takes no account of letter case: with the constant first."""
    match same:
        case Binary(operator, left, Literal(str()) as right) if not isinstance(left, Literal):
            return Binary(operator, right, left)
    return same


# Paths and chains --------------------------------------------------------------------------------------


def path(part: Part) -> Path | None:
    """The words of `a.b['c'][0]`; None for anything else."""
    keys: list[Atom] = []
    while True:
        match part:
            case syntax.Property(target=target, name=name, operator="." | "?."):
                keys.append(name)
                part = target
            case syntax.Index(target=target, key=syntax.Constant(value=key)):
                keys.append(key)
                part = target
            case syntax.Name(name=name):
                return (name, *reversed(keys))
            case _:
                return None


def spelled(words: Path) -> str:
    """A path as our own syntax spells it."""
    node: Expression = Name(str(words[0]))
    for key in words[1:]:
        node = Access(node, Literal(key))
    return str(node)


def spine(part: syntax.Operation) -> list[Part]:
    """The operands of a chain of one operator, in order."""
    operands: list[Part] = []
    todo: list[Part] = [part]
    while todo:
        match todo.pop():
            case syntax.Operation(operator=operator, operands=inner) if operator == part.operator:
                todo.extend(reversed(inner))
            case other:
                operands.append(other)
    return operands
