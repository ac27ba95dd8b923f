"""Conditions: what `when` asks for becomes an expression of the model.

Sources: https://www.jenkins.io/doc/book/pipeline/syntax/#when, and the classes of the conditions
(`when/impl/*Conditional.java` of pipeline-model-definition-plugin) for what they leave unsaid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipemgr.adapter import Node
from pipemgr.model.expressions import Access, Binary, Expression, Literal, Name, Opaque
from pipemgr_jenkins.groovy import syntax

from .expressions import EMPTY, expression, joined, matches, negated, truth
from .globs import is_plain, regex_of
from .scope import VENDOR, Scope

_GROUPS: Final = {"allOf": "&&", "anyOf": "||"}
_BRANCH, _TAG = Name("branch"), Name("tag")
_NUMBER: Final = Access(Name("pull_request"), Literal("number"))
_FILTERS: Final[Mapping[str, Expression]] = {
    "id": _NUMBER,
    "target": Access(Name("pull_request"), Literal("target")),
    "branch": Access(Name("pull_request"), Literal("source")),
    "title": Access(Name("pull_request"), Literal("title")),
    "fork": Access(Name("variables"), Literal("CHANGE_FORK")),
    "url": Access(Name("variables"), Literal("CHANGE_URL")),
    "author": Access(Name("variables"), Literal("CHANGE_AUTHOR")),
    "authorDisplayName": Access(Name("variables"), Literal("CHANGE_AUTHOR_DISPLAY_NAME")),
    "authorEmail": Access(Name("variables"), Literal("CHANGE_AUTHOR_EMAIL")),
}
"""What the filters of `changeRequest` compare: ChangeRequestConditional.java."""


def conditions(when: Node, scope: Scope) -> Expression:
    """All conditions of a `when` block as one; true where there is none."""
    found = when.items().get("conditions")
    return joined("&&", [condition(one, scope) for one in found.entries()] if found is not None else ())


def condition(node: Node, scope: Scope) -> Expression:
    """One condition of `when`; what has no name of ours stays as it is, as `opaque`."""
    items = node.items()
    name = items["name"].text()
    if name in _GROUPS:
        return joined(_GROUPS[name], [condition(one, scope) for one in items["conditions"].entries()])
    if name == "not":
        return negated(joined("&&", [condition(one, scope) for one in items["conditions"].entries()]))
    if name == "expression":
        return _code(items.get("code"), scope)
    return _Call(node, name, scope).read() or _verbatim(node, scope)


def _verbatim(node: Node, scope: Scope) -> Expression:
    node.take_all()
    part = scope.syntax(node)
    return Opaque(VENDOR, f"when {scope.script.text(part)}" if part else f"when {node.label}")


def _code(node: Node | None, scope: Scope) -> Expression:
    part = scope.syntax(node) if node is not None else None
    text = node.text() if node is not None else ""
    match part:
        case syntax.Closure(statements=(only,)) | syntax.Block(statements=(only,)):
            return truth(only, scope)
        case None | syntax.Closure() | syntax.Block():
            return Opaque(VENDOR, text)
    return truth(part, scope)


class _Call:
    """One condition that is a call, with its arguments."""

    def __init__(self, node: Node, name: str, scope: Scope) -> None:
        self.name = name
        self.scope = scope
        arguments = node.items().get("arguments")
        children = arguments.take().children if arguments is not None else None
        self.named = children if isinstance(children, dict) else {}
        listed = children if isinstance(children, list) else []
        single = arguments is not None and children is None
        self.first = arguments if single else listed[0] if listed else None

    def read(self) -> Expression | None:
        """The condition; None where it has no name of ours."""
        match self.name:
            case "branch":
                return self._pattern(_BRANCH)
            case "tag":
                return self._pattern(_TAG)
            case "buildingTag":
                return Binary("!=", _TAG, EMPTY)
            case "changeRequest":
                return self._change_request()
            case "environment":
                return self._environment()
            case "equals":
                return self._equals()
            case "triggeredBy":
                return self._triggered()
        return None

    def _value(self, name: str, *, first: bool = False) -> Expression | None:
        node = self.named.get(name) or (self.first if first else None)
        if node is None:
            return None
        node.take_all()
        part = self.scope.syntax(node)
        return expression(part, self.scope) if part is not None else Literal(node.value)

    def _text(self, name: str, *, first: bool = False) -> str | None:
        match self._value(name, first=first):
            case Literal(value) if value is not None:
                return str(value)
        return None

    def _comparator(self, usual: str) -> str:
        given = (self._text("comparator") or usual).upper()
        return given if given in ("EQUALS", "GLOB", "REGEXP") else usual

    def _pattern(self, subject: Expression) -> Expression | None:
        pattern = self._value("pattern", first=True)
        return None if pattern is None else self._compared(subject, pattern, self._comparator("GLOB"))

    @staticmethod
    def _compared(subject: Expression, pattern: Expression, comparator: str) -> Expression | None:
        match pattern:
            case Literal(None):
                return None
            case Literal(value) if comparator == "REGEXP":
                return matches(subject, str(value))
            case Literal(value) if comparator == "GLOB" and not is_plain(str(value)):
                glob = str(value)
                return Binary("!=", subject, EMPTY) if glob == "**" else matches(subject, regex_of(glob))
            case Literal(value):
                return Binary("==", subject, Literal(str(value)))
        return Binary("==", subject, pattern) if comparator == "EQUALS" else None

    def _change_request(self) -> Expression | None:
        comparator = self._comparator("EQUALS")
        given = [name for name in _FILTERS if name in self.named]
        found = [self._compared(_FILTERS[name], self._value(name) or EMPTY, comparator) for name in given]
        if self.named.keys() - set(given) - {"comparator"} or None in found:
            return None
        asked = [one for one in found if one is not None]
        return joined("&&", asked if "id" in given else [Binary("!=", _NUMBER, EMPTY), *asked])

    def _environment(self) -> Expression | None:
        name, value = self._text("name"), self._value("value")
        if name is None or value is None:
            return None
        ignore = self.named.get("ignoreCase")
        if ignore is not None:
            ignore.take_all()
        return Binary("==", self.scope.variable(name), value)

    def _equals(self) -> Expression | None:
        actual, expected = self._value("actual"), self._value("expected")
        if actual is None or expected is None:
            return None
        turned = isinstance(actual, Literal) and not isinstance(expected, Literal)
        return Binary("==", expected, actual) if turned else Binary("==", actual, expected)

    def _triggered(self) -> Expression | None:
        cause = self._text("cause", first=True)
        trigger = self.scope.words.trigger(cause) if cause else None
        if trigger is None or "detail" in self.named:
            return None
        return Binary("==", Name("trigger"), Literal(trigger))
