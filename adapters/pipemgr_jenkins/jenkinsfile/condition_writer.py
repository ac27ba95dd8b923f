"""Conditions out: expressions of the model as conditions of `when`, in its own words where there are some.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#built-in-conditions
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, Opaque
from pipemgr_jenkins.groovy.quoting import quoted

from .conditions import ACTOR, EVENT, EVENT_CAUSE, POLLED, RESTARTED, WHEN
from .expression_writer import condition as code
from .expression_writer import groovy
from .globs import glob_of, is_plain
from .layout import INDENT, indented
from .logic import EMPTY, negated
from .references import BRANCH, CHANGE, OTHERS, TAG, plain
from .scope import NUMBER, TRIGGER, VENDOR
from .terms import Terms

_TRUE: Final = (Literal(value=True), Call("always"))
_GROUPS: Final = {"&&": "allOf", "||": "anyOf"}


@dataclass(frozen=True)
class Clause:
    """One condition: its text, or with `inner` the name of a group."""

    text: str
    inner: tuple[Clause, ...] = ()

    def lines(self) -> list[str]:
        """Its lines, those of a group indented."""
        if not self.inner:
            return [self.text]
        below = [line for clause in self.inner for line in clause.lines()]
        if self.text == "not" and len(below) == 1 and "\n" not in below[0]:
            return [f"not {{ {below[0]} }}"]
        return [f"{self.text} {{", *(indented(line, " " * INDENT) for line in below), "}"]


NEVER: Final = Clause("expression { false }")
"""What stands for a condition that Jenkins has no word for."""


def when(node: Expression | None, terms: Terms) -> list[str]:
    """The lines of the conditions that must all hold; none for what always does."""
    operands = _operands("&&", plain(node)) if node is not None else []
    found = _Writer(terms).clauses(operands)
    never = NEVER in found and Literal(value=False) not in operands
    return NEVER.lines() if never else [line for clause in found for line in clause.lines()]


def _operands(operator: str, node: Expression) -> list[Expression]:
    """What a chain of one operator joins, without what always holds."""
    found: list[Expression] = []
    todo = [node]
    while todo:
        match todo.pop():
            case Binary(known, left, right) if known == operator:
                todo += [right, left]
            case other if other not in _TRUE or operator == "||":
                found.append(other)
    return found


class _Writer:
    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def clauses(self, nodes: Iterable[Expression]) -> tuple[Clause, ...]:
        """Conditions that must all hold; two that one word says together are one."""
        left = list(nodes)
        for at, one in enumerate(left):
            match one:
                case Binary("==", subject, Literal(str(actor))) if subject == ACTOR and _started(left):
                    left[left.index(_MANUAL)] = Call("triggeredBy", (Literal(actor),))
                    del left[at]
                    break
        if CHANGE in left:
            left = self._filters_joined(left)
        return tuple(map(self.clause, left))

    def _filters_joined(self, nodes: list[Expression]) -> list[Expression]:
        """Conditions on pull requests as filters of one `changeRequest` for each way of comparing."""
        found: dict[bool, list[Expression]] = {}
        for one in nodes:
            if self._filter(one) is not None:
                found.setdefault(isinstance(one, Call), []).append(one)
        said = [one for filters in found.values() for one in filters]
        calls: list[Expression] = [Call("changeRequest", tuple(filters)) for filters in found.values()]
        left = [one for one in nodes if one not in said]
        at = left.index(CHANGE)
        return [*left[:at], *(calls or [CHANGE]), *left[at + 1 :]]

    def clause(self, node: Expression) -> Clause:
        """An expression as one condition."""
        text = self._word(node)
        if text is not None:
            return Clause(text)
        match node:
            case Binary(("&&" | "||") as operator):
                return self._group(operator, node)
            case Binary("==" | "!=") | Not():
                inner = _opposite(node)
                if inner is not None and self._has_word(inner):
                    return Clause("not", (self.clause(inner),))
        return self._code(node)

    def _group(self, operator: str, node: Expression) -> Clause:
        operands = _operands(operator, node)
        if operator == "||" and all(one in operands for one in (EVENT.left, EVENT.right)):
            at = operands.index(EVENT.left)
            operands[at] = EVENT
            operands.remove(EVENT.right)
        if not any(self._has_word(one) for one in operands):
            return self._code(node)
        inner = self.clauses(operands) if operator == "&&" else tuple(map(self.clause, operands))
        return inner[0] if len(inner) == 1 else Clause(_GROUPS[operator], inner)

    def _code(self, node: Expression) -> Clause:
        match node:
            case Opaque(vendor, text) if vendor == VENDOR and text.startswith("{"):
                return Clause(f"expression {text}")
        return Clause(f"expression {{ {code(node, self.terms)} }}")

    def _has_word(self, node: Expression) -> bool:
        """Whether some of an expression can be said without `expression { }`."""
        match node:
            case Binary(("&&" | "||") as operator):
                return any(self._has_word(one) for one in _operands(operator, node))
            case Not(operand):
                return self._has_word(operand)
            case Opaque(vendor, text):
                return vendor == VENDOR and text.startswith((WHEN, "{"))
        inner = _opposite(node)
        return self._word(node) is not None or (inner is not None and self._word(inner) is not None)

    # Words ---------------------------------------------------------------------------------------------

    def _word(self, node: Expression) -> str | None:
        """A condition in one of the words of `when`; None where there is none for it."""
        match node:
            case Opaque(vendor, text) if vendor == VENDOR and text.startswith(WHEN):
                return text.removeprefix(WHEN)
            case Call("changeRequest", filters):
                comparator = ", comparator: 'REGEXP'" if isinstance(filters[0], Call) else ""
                return f"changeRequest {', '.join(str(self._filter(one)) for one in filters)}{comparator}"
            case Call("triggeredBy", (Literal(str(detail)),)):
                return f"triggeredBy cause: 'UserIdCause', detail: {quoted(detail)}"
            case Call(_, (subject, Literal(str(text)))) if subject in (BRANCH, TAG):
                return _called(node, subject, text)
            case Binary():
                return self._known(node) or self._comparison(node)
        return None

    def _known(self, node: Binary) -> str | None:
        if node == RESTARTED:
            return "isRestartedRun()"
        if node == EVENT:
            return f"triggeredBy {quoted(EVENT_CAUSE)}"
        return f"triggeredBy {quoted(self.terms.words.cause('push') or '')}" if node == POLLED else None

    def _comparison(self, node: Binary) -> str | None:
        match node:
            case Binary("!=", left, Literal("")) if left in (TAG, NUMBER):
                return "buildingTag()" if left == TAG else "changeRequest()"
            case Binary("==", left, Literal(str(text))) if left in (BRANCH, TAG) and text:
                return _pattern(left, text)
            case Binary("==", left, Literal(str(text))) if left == TRIGGER:
                return self._triggered(text)
            case Binary("==", Access(Name("variables" | "matrix"), Literal(str(name))), value):
                return self._environment(name, value)
            case Binary("==", Literal(str(text)), Access(Name("variables" | "matrix"), Literal(str(name)))):
                said = text not in ("", "true")
                return f"{_environment(name, quoted(text))}, ignoreCase: true" if said else None
        return None

    def _environment(self, name: str, value: Expression) -> str | None:
        match value:
            case Literal(str(text)) if not text:
                return None
            case Literal(str()) | Call("format"):
                return _environment(name, groovy(value, self.terms))
        return None

    def _triggered(self, trigger: str) -> str | None:
        cause = self.terms.words.cause(trigger) if trigger in OTHERS else None
        return f"triggeredBy {quoted(cause)}" if cause else None

    def _filter(self, node: Expression) -> str | None:
        """A condition on a pull request as a filter of `changeRequest`."""
        match node:
            case Binary("==", subject, Literal(str(text))) if text:
                return self._filtered(subject, text)
            case Call("matches", (subject, Literal(str(text)))):
                return self._filtered(subject, text)
        return None

    def _filtered(self, subject: Expression, text: str) -> str | None:
        names = [name for name, one in self.terms.words.filters.items() if one == subject]
        return f"{names[0]}: {quoted(text)}" if names else None


_MANUAL: Final = Binary("==", TRIGGER, Literal("manual"))


def _opposite(node: Expression) -> Expression | None:
    """What `not` says around it; None where a condition is said as it is."""
    match node:
        case Binary("==", left, Literal("")):
            return Binary("!=", left, EMPTY) if left in (TAG, NUMBER) else None
        case Binary("!=") | Not():
            return negated(node)
    return None


def _started(nodes: Iterable[Expression]) -> bool:
    return _MANUAL in nodes


def _environment(name: str, value: str) -> str:
    return f"environment name: {quoted(name)}, value: {value}"


def _pattern(subject: Expression, text: str) -> str:
    if is_plain(text):
        return f"{subject} {quoted(text)}"
    return f"{subject} pattern: {quoted(text)}, comparator: 'EQUALS'"


def _called(node: Call, subject: Expression, text: str) -> str | None:
    """A pattern for the whole name of a branch or a tag."""
    match node.name:
        case "matches":
            return _regular(subject, text)
        case "starts_with":
            return _regular(subject, f"{_escaped(text)}.*")
        case "ends_with":
            return _regular(subject, f".*{_escaped(text)}")
        case "contains":
            return _regular(subject, f".*{_escaped(text)}.*")
    return None


def _regular(subject: Expression, pattern: str) -> str:
    glob = glob_of(pattern)
    if glob is not None and not is_plain(glob):
        return f"{subject} {quoted(glob)}"
    return f"{subject} pattern: {quoted(pattern)}, comparator: 'REGEXP'"


def _escaped(text: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)
