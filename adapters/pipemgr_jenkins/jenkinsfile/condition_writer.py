"""Conditions out: expressions of the model as conditions of `when`, in its own words where there are some."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not
from pipemgr_jenkins.groovy.quoting import quoted

from .expression_writer import condition as code
from .expressions import negated
from .globs import glob_of, is_plain
from .terms import Terms

_INDENT: Final = "    "
_BRANCH, _TAG, _TRIGGER = Name("branch"), Name("tag"), Name("trigger")
_NUMBER: Final = Access(Name("pull_request"), Literal("number"))
_EMPTY: Final = Literal("")


@dataclass(frozen=True)
class Clause:
    """One condition: its text, or with `inner` the name of a group."""

    text: str
    inner: tuple[Clause, ...] = ()

    def lines(self) -> list[str]:
        """Its lines, those of a group indented."""
        if not self.inner:
            return [self.text]
        if self.text == "not" and len(self.inner) == 1 and not self.inner[0].inner:
            return [f"not {{ {self.inner[0].text} }}"]
        below = [f"{_INDENT}{line}" for clause in self.inner for line in clause.lines()]
        return [f"{self.text} {{", *below, "}"]


def when(node: Expression | None, terms: Terms) -> list[str]:
    """The lines of the conditions that must all hold; none for what always does."""
    writer = _Writer(terms)
    clauses = [writer.clause(one) for one in _operands("&&", node)] if node is not None else []
    return [line for clause in clauses for line in clause.lines()]


def _operands(operator: str, node: Expression) -> list[Expression]:
    found: list[Expression] = []
    todo = [node]
    while todo:
        match todo.pop():
            case Binary(known, left, right) if known == operator:
                todo += [right, left]
            case Literal(value) if value is True and operator == "&&":
                pass
            case other:
                found.append(other)
    return found


class _Writer:
    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def clause(self, node: Expression) -> Clause:
        """An expression as one condition."""
        text = self._word(node)
        if text is not None:
            return Clause(text)
        match node:
            case Binary(("&&" | "||") as operator):
                operands = _operands(operator, node)
                if any(self._has_word(one) for one in operands):
                    name = "allOf" if operator == "&&" else "anyOf"
                    return Clause(name, tuple(self.clause(one) for one in operands))
            case Binary("!=") | Not():
                inner = negated(node)
                if self._has_word(inner):
                    return Clause("not", (self.clause(inner),))
        return Clause(f"expression {{ {code(node, self.terms)} }}")

    def _has_word(self, node: Expression) -> bool:
        """Whether some of an expression can be said without `expression { }`."""
        match node:
            case Binary(("&&" | "||") as operator):
                return any(self._has_word(one) for one in _operands(operator, node))
            case Binary("!="):
                return self._word(node) is not None or self._word(negated(node)) is not None
            case Not(operand):
                return self._has_word(operand)
        return self._word(node) is not None

    def _word(self, node: Expression) -> str | None:
        match node:
            case Binary("!=", left, Literal("")) if left == _TAG:
                return "buildingTag()"
            case Binary("!=", left, Literal("")) if left == _NUMBER:
                return "changeRequest()"
            case Binary("==", left, Literal(str(text))) if left in (_BRANCH, _TAG) and text:
                return _pattern(left, text)
            case Binary("==", left, Literal(str(text))) if left == _TRIGGER:
                return self._triggered(text)
            case Binary("==", Access(Name("variables" | "matrix"), Literal(str(name))), Literal(str(text))):
                return f"environment name: {quoted(name)}, value: {quoted(text)}"
            case Call("matches", (subject, Literal(str(pattern)))) if subject in (_BRANCH, _TAG):
                return _regular(subject, pattern)
            case Call(("starts_with" | "ends_with" | "contains"), (subject, Literal(str(text)))):
                return _regular(subject, _around(node, text)) if subject in (_BRANCH, _TAG) else None
        return None

    def _triggered(self, trigger: str) -> str | None:
        cause = self.terms.words.causes.get(trigger)
        return cause and f"triggeredBy {quoted(self.terms.words.cause(trigger))}"


def _pattern(subject: Expression, text: str) -> str:
    if is_plain(text):
        return f"{subject} {quoted(text)}"
    return f"{subject} pattern: {quoted(text)}, comparator: 'EQUALS'"


def _regular(subject: Expression, pattern: str) -> str:
    glob = glob_of(pattern)
    if glob is not None and not is_plain(glob):
        return f"{subject} {quoted(glob)}"
    return f"{subject} pattern: {quoted(pattern)}, comparator: 'REGEXP'"


def _around(node: Call, text: str) -> str:
    """The regular expression for the whole of a name with a text at its place."""
    before = "" if node.name == "starts_with" else ".*"
    after = "" if node.name == "ends_with" else ".*"
    return f"{before}{re.escape(text)}{after}"
