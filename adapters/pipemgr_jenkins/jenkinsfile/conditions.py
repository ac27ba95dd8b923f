"""Conditions in: what `when` asks for becomes an expression of the model.

What has no name of ours stays as it is: `opaque('jenkins', 'when changeset ...')`; an `expression` of several statements
as `opaque('jenkins', '{ ... }')`.

Sources: https://www.jenkins.io/doc/book/pipeline/syntax/#when, and the classes of the conditions
(`when/impl/*Conditional.java` of pipeline-model-definition-plugin) for what that page leaves unsaid.
"""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Node
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, Opaque, transform
from pipemgr_jenkins.groovy.syntax import Block, Closure

from .expressions import expression, truth
from .globs import is_plain, regex_of
from .layout import dedented
from .logic import EMPTY, in_any_case, joined, matches, negated
from .references import pushed
from .scope import NUMBER, TRIGGER, VENDOR, Scope

WHEN: Final = "when "
"""What an opaque text begins with that is a condition of `when`, and no expression."""
RESTARTED: Final = Binary(">", Access(Name("build"), Literal("attempt")), Literal(1))
ACTOR: Final = Access(Name("build"), Literal("actor"))
POLLED: Final = Binary("==", Literal("push"), TRIGGER)
"""A push that Jenkins found by looking for it; the constant in front tells it from all others."""
EVENT: Final = Binary("||", POLLED, Binary("==", Literal("pull_request"), TRIGGER))
"""A push or a pull request that the repository's host told of."""
EVENT_CAUSE: Final = "BranchEventCause"
_GOOD: Final = Binary("&&", Not(Call("failure")), Not(Call("canceled")))
_GROUPS: Final = {"allOf": "&&", "anyOf": "||"}
_PATTERNS: Final = {"branch": Name("branch"), "tag": Name("tag")}


def conditions(when: Node, scope: Scope) -> Expression:
    """All conditions of a `when` block as one; true where there is none."""
    found = when.items().get("conditions")
    inner = [condition(one, scope) for one in found.entries()] if found is not None else ()
    return transform(joined("&&", inner), _not_failed)


def _not_failed(node: Expression) -> Expression:
    """For a stage, `success()` means that nothing before it was skipped either; Jenkins does not ask for that."""
    return _GOOD if node == Call("success") else node


def condition(node: Node, scope: Scope) -> Expression:
    """One condition of `when`."""
    items = node.items()
    name = items["name"].text()
    if name == "expression":
        return _code(node, items.get("code"), scope)
    if name in _GROUPS or name == "not":
        inner = [condition(one, scope) for one in items["conditions"].entries()]
        return negated(joined("&&", inner)) if name == "not" else pushed(joined(_GROUPS[name], inner))
    known = _Call(node, scope).read(name)
    return _verbatim(node, WHEN, scope) if known is None else known


def _verbatim(node: Node, prefix: str, scope: Scope) -> Expression:
    node.take_all()
    part = scope.syntax(node)
    if part is None:
        return Opaque(VENDOR, dedented(prefix + node.text()))
    return scope.opaque(part, prefix + dedented(scope.script.text(part)))


def _code(node: Node, code: Node | None, scope: Scope) -> Expression:
    part = scope.syntax(code) if code is not None else None
    node.take_all()
    match part:
        case Closure(statements=(only,)) | Block(statements=(only,)):
            return truth(only, scope)
        case None:
            return Opaque(VENDOR, "{}")
        case Closure() | Block():
            return scope.opaque(part, dedented(scope.script.text(part)))
    return truth(part, scope)


class _Call:
    """One condition that is a call, with its arguments."""

    def __init__(self, node: Node, scope: Scope) -> None:
        self.scope = scope
        arguments = node.items().get("arguments")
        children = arguments.take().children if arguments is not None else None
        self.named = children if isinstance(children, dict) else {}
        listed = children if isinstance(children, list) else []
        single = arguments is not None and children is None
        self.first = arguments if single else listed[0] if listed else None

    def read(self, name: str) -> Expression | None:
        """The condition of a name; None where we have no name for it."""
        match name:
            case "branch" | "tag":
                return self._pattern(_PATTERNS[name])
            case "buildingTag":
                return Binary("!=", _PATTERNS["tag"], EMPTY)
            case "isRestartedRun":
                return RESTARTED
        read = {
            "changeRequest": self._change_request,
            "environment": self._environment,
            "equals": self._equals,
            "triggeredBy": self._triggered,
        }.get(name)
        return read() if read else None

    # Arguments -----------------------------------------------------------------------------------------

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

    def _flag(self, name: str) -> bool:
        return self._value(name) in (Literal(value=True), Literal("true"))

    def _comparator(self, usual: str) -> str:
        given = (self._text("comparator") or usual).upper()
        return given if given in ("EQUALS", "GLOB", "REGEXP") else usual

    # Conditions ----------------------------------------------------------------------------------------

    def _pattern(self, subject: Expression) -> Expression | None:
        pattern = self._value("pattern", first=True)
        if pattern == EMPTY and subject == _PATTERNS["tag"]:
            return Binary("!=", subject, EMPTY)
        return None if pattern is None else _compared(subject, pattern, self._comparator("GLOB"))

    def _change_request(self) -> Expression | None:
        comparator = self._comparator("EQUALS")
        filters = self.scope.words.filters
        given = [name for name in filters if name in self.named]
        found = [_compared(filters[name], self._value(name) or EMPTY, comparator) for name in given]
        if self.first is not None or self.named.keys() - {*given, "comparator"} or None in found:
            return None
        return joined("&&", [Binary("!=", NUMBER, EMPTY), *(one for one in found if one is not None)])

    def _environment(self) -> Expression | None:
        name, value = self._text("name"), self._value("value")
        if name is None or value is None:
            return None
        same = Binary("==", self.scope.variable(name), EMPTY if value == Literal(None) else value)
        return in_any_case(same) if self._flag("ignoreCase") else same

    def _equals(self) -> Expression | None:
        actual, expected = self._value("actual"), self._value("expected")
        if actual is None or expected is None:
            return None
        turned = isinstance(actual, Literal) and not isinstance(expected, Literal)
        return Binary("==", expected, actual) if turned else Binary("==", actual, expected)

    def _triggered(self) -> Expression | None:
        cause, detail = self._text("cause", first=True), self._value("detail")
        if cause == EVENT_CAUSE and detail is None:
            return EVENT
        trigger = self.scope.words.trigger(cause) if cause else None
        if trigger == "push" and detail is None:
            return POLLED
        if trigger is None or (detail is not None and trigger != "manual"):
            return None
        started = Binary("==", TRIGGER, Literal(trigger))
        return joined("&&", [started, *([Binary("==", ACTOR, detail)] if detail is not None else [])])


def _compared(subject: Expression, pattern: Expression, comparator: str) -> Expression | None:
    """A name compared with a pattern; a glob that only Jenkins knows at run time has none of ours."""
    match pattern:
        case Literal(None):
            return None
        case Literal(value) if comparator == "REGEXP":
            return matches(subject, str(value))
        case Literal(value) if comparator == "GLOB" and not is_plain(str(value)):
            some = Binary("!=", subject, EMPTY)
            return some if value == "**" else matches(subject, regex_of(str(value)))
        case Literal(value):
            return Binary("==", subject, Literal(str(value)))
    return Binary("==", subject, pattern) if comparator == "EQUALS" else None
