"""Conditions: logic statements and expression strings become expressions of the model.

Source: https://circleci.com/docs/reference/configuration-reference/#logic-statements
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pipemgr.adapter import Node, regex_fits
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Name, Not, chained

from .syntax import parse
from .texts import ROOTS, Texts, safely

FORMS: Final = ("and", "or", "not", "equal", "matches")
TRUE: Final = Literal(value=True)
FALSE: Final = Literal(value=False)


class ConditionReader:
    """Reads conditions, as far decided as they can be."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def read(self, node: Node, *, bare: bool = False) -> Expression:
        """The condition that a node says; with `bare`, a text may be an expression without `<< >>`."""
        return simplified(_whole(self.texts.translate(self._logic(node, bare=bare))))

    def _logic(self, node: Node, *, bare: bool = False) -> Expression:
        node.take()
        match node.children:
            case dict():
                return self._statement(node)
            case list():
                node.take_all()
                node.problem(
                    f"{node.label} must be a condition ({', '.join(FORMS)}, or an expression), not a list"
                )
                return TRUE
        return self._scalar(node, bare=bare)

    def _statement(self, node: Node) -> Expression:
        entries = node.items()
        if len(entries) != 1 or (form := next(iter(entries))) not in FORMS:
            node.take_all()
            node.problem(f"a condition is one of {', '.join(FORMS)}, not {', '.join(entries) or 'nothing'}")
            return TRUE
        inner = entries[form]
        match form:
            case "not":
                return Not(self._logic(inner))
            case "matches":
                return self._matches(inner)
            case "equal":
                found = [self._logic(one) for one in self._several(inner)] or [TRUE]
                first, *others = sorted(found, key=lambda one: isinstance(one, Literal))
                return both([Binary("==", first, one) for one in others])
        operator = "&&" if form == "and" else "||"
        return joined(operator, [self._logic(one) for one in self._several(inner)])

    @staticmethod
    def _several(node: Node) -> list[Node]:
        found = node.entries()
        if not found:
            node.problem(f"{node.label} needs at least one value")
        return found

    def _matches(self, node: Node) -> Expression:
        entries = node.items()
        if not {"pattern", "value"} <= entries.keys():
            node.take_all()
            node.problem("matches needs a `pattern` and a `value`")
            return TRUE
        pattern = unanchored(entries["pattern"].text())
        return Call("matches", (self._scalar(entries["value"]), Literal(pattern)))

    def _scalar(self, node: Node, *, bare: bool = False) -> Expression:
        value = node.value
        if not isinstance(value, str):
            node.plain()
            return Literal(value)
        text = node.text()
        if bare and self.texts.filled and "<<" not in text:
            return self._bare(node, text)
        match self.texts.trees(text):
            case ():
                return Literal("")
            case (Expression() as only,):
                return only
            case parts if any(isinstance(part, Expression) for part in parts):
                return _format(parts)
        return Literal(text.replace("\\<<", "<<"))

    def _bare(self, node: Node, text: str) -> Expression:
        tree = safely(node, lambda: parse(text)) if text.strip() else None
        if tree is None:
            return TRUE
        for name in tree.walk():
            if isinstance(name, Name) and name.name not in ROOTS:
                node.problem(f"{name.name!r} is no value that expressions know; texts need double quotes")
        return tree


def _whole(node: Expression) -> Expression:
    """The expression, with the anchors of patterns taken off: patterns stand for the whole text anyway."""
    match node:
        case Call("matches", (subject, Literal(str(pattern)))):
            return Call("matches", (subject, Literal(unanchored(pattern))))
        case Not(operand):
            return Not(_whole(operand))
        case Binary(operator, left, right):
            return Binary(operator, _whole(left), _whole(right))
    return node


def _format(parts: tuple[str | Expression, ...]) -> Expression:
    found = [part for part in parts if isinstance(part, Expression)]
    at = iter(range(len(found)))
    text = "".join(
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{next(at)}}}"
        for part in parts
    )
    return Call("format", (Literal(text), *found))


def unanchored(pattern: str) -> str:
    """A pattern for the whole text without `^` and `$`, which say nothing there."""
    if "|" in re.sub(r"\\.|\([^()]*\)|\[[^\[\]]*\]", "", pattern):
        return pattern
    bare = pattern.removeprefix("^")
    return bare[:-1] if bare.endswith("$") and not re.search(r"(?<!\\)(?:\\\\)*\\\$$", bare) else bare


def joined(operator: str, conditions: Iterable[Expression]) -> Expression:
    """Conditions joined by `&&` or `||`; without any, what joining none means."""
    found = list(conditions)
    if not found:
        return TRUE if operator == "&&" else FALSE
    return chained(operator, found)


def both(conditions: Iterable[Expression]) -> Expression:
    """All conditions that say something, each once, as one; true where there is none."""
    found = (one for condition in conditions for one in _conjuncts(condition))
    return joined("&&", dict.fromkeys(one for one in found if not (isinstance(one, Literal) and one.value)))


def _conjuncts(node: Expression) -> tuple[Expression, ...]:
    match node:
        case Binary("&&", left, right):
            return (*_conjuncts(left), *_conjuncts(right))
    return (node,)


def simplified(node: Expression) -> Expression:
    """A condition with what is decided already left out; it is a literal when all is."""
    match node:
        case Not(operand):
            return _negated(simplified(operand))
        case Binary(("&&" | "||") as operator, left, right):
            return _decided(operator, simplified(left), simplified(right))
        case Binary(("==" | "!=") as operator, Literal() as left, Literal() as right):
            return Literal((left == right) == (operator == "=="))
        case Call("matches", (Literal(value), Literal(str(pattern)))):
            known = regex_fits(str(value or ""), pattern)
            return node if known is None else Literal(known)
        case Call("starts_with", (Literal(value), Literal(beginning))):
            return Literal(str(value or "").startswith(str(beginning)))
    return node


def _negated(node: Expression) -> Expression:
    match node:
        case Literal(value):
            return Literal(not value)
        case Not(operand):
            return operand
        case Binary("==", left, right):
            return Binary("!=", left, right)
        case Binary("!=", left, right):
            return Binary("==", left, right)
    return Not(node)


def _decided(operator: str, left: Expression, right: Expression) -> Expression:
    decisive = operator == "||"
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Literal):
            return one if bool(one.value) is decisive else other
    return Binary(operator, left, right)
