"""Matching: `matches()` said by comparisons, for targets whose expressions have no regular expressions."""

from __future__ import annotations

from pipemgr.model.definitions import Pipeline
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Not, transform

from .base import Dialect
from .patterns import regex_bounds, regex_to_expression
from .report import Fidelity, Finding
from .rewriting import rewritten
from .tree import expressions

MATCHES = "matches"


def without_matches(pipeline: Pipeline, dialect: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline without `matches()` where the target has no such function, and a finding for each use.

    A pattern becomes comparisons with the same effect, else ones that also hold for some other texts. Where there are
    none, the condition that it stands in does not hold: nothing is executed that the pattern would have kept back.
    """
    if _has_it(dialect) or not any(_uses(one) for _, one in expressions(pipeline)):
        return pipeline, ()
    findings = [
        finding for path, one in expressions(pipeline) for finding in _findings(path, one, dialect.title)
    ]
    return rewritten(pipeline, lambda one: _lowered(one, holds=True)), tuple(findings)


def _has_it(dialect: Dialect) -> bool:
    tables = dialect.tables
    return tables is None or not tables.has("variables") or MATCHES in tables.variables.functions.theirs


def _uses(expression: Expression) -> bool:
    return any(isinstance(node, Call) and node.name == MATCHES for node in expression.walk())


def _lowered(node: Expression, *, holds: bool) -> Expression:
    """The expression without `matches()`; `holds` says whether more comes true when it does."""
    match node:
        case Not(operand):
            return Not(_lowered(operand, holds=not holds))
        case Binary(("&&" | "||") as operator, left, right):
            return Binary(operator, _lowered(left, holds=holds), _lowered(right, holds=holds))
    return transform(node, lambda one: _instead(one, holds=holds))


def _instead(node: Expression, *, holds: bool) -> Expression:
    match node:
        case Call("matches", (subject, Literal(str(pattern)))):
            found = regex_to_expression(subject, pattern) or regex_bounds(subject, pattern)
            return found or Literal(value=not holds)
        case Call("matches"):
            return Literal(value=not holds)
    return node


def _findings(path: str, expression: Expression, title: str) -> list[Finding]:
    return [
        _finding(path, node, title)
        for node in expression.walk()
        if isinstance(node, Call) and node.name == MATCHES
    ]


def _finding(path: str, node: Call, title: str) -> Finding:
    fidelity, effect, remedy = _effect(node)
    why = f"{title} has no regular expressions in conditions; {effect}"
    return Finding(fidelity=fidelity, path=path, source="", what=str(node), why=why, remedy=remedy)


def _effect(node: Call) -> tuple[Fidelity, str, str]:
    match node.arguments:
        case (subject, Literal(str(pattern))):
            if (same := regex_to_expression(subject, pattern)) is not None:
                return Fidelity.EQUIVALENT, f"written as {same}", ""
            if (more := regex_bounds(subject, pattern)) is not None:
                effect = f"written as {more}, which holds for some other names too"
                return Fidelity.APPROXIMATE, effect, "keep to names that both take, or compare with each name"
    effect = "what it decides about is not executed"
    return Fidelity.DROPPED, effect, "write the condition by comparisons, starts_with() or contains()"
