"""Conditions of the plugin Run Condition (https://plugins.jenkins.io/run-condition/), in our words where these can say them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Final

from pipemgr.model.definitions import Parameter
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, parse
from pipemgr.model.templates import untemplate

from .elements import Element
from .words import Words

_PACKAGE: Final = "org.jenkins_ci.plugins.run_condition."
_TOKEN: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\}|\{ENV, *var=\"(\w+)\"\})")
_TRUE: Final = frozenset(("1", "y", "yes", "t", "true", "on", "run"))
_RESULTS: Final = ("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED")
"""From best to worst (https://javadoc.jenkins.io/hudson/model/Result.html)."""
STATUS: Final = {"SUCCESS": "success", "FAILURE": "failure", "ABORTED": "canceled"}


class Conditions:
    """Reads conditions of one job, whose parameters are known."""

    def __init__(self, words: Words, asked: Mapping[str, Parameter]) -> None:
        self.known = words.tables.variables.environment.ours
        self.asked = asked
        self._ways: Mapping[str, Callable[[Element], Expression | None]] = {
            "core.AlwaysRun": lambda _: Literal(True),
            "core.NeverRun": lambda _: Literal(False),
            "core.BooleanCondition": lambda one: self._boolean(one.find("token")),
            "core.StringsMatchCondition": self._same,
            "core.ExpressionCondition": lambda one: self._matches(one.find("expression"), one.find("label")),
            "core.StatusCondition": lambda one: _status(
                one.find("bestResult/name"), one.find("worstResult/name")
            ),
            "logic.Not": self._not,
            "logic.And": lambda one: self._all(one, "&&"),
            "logic.Or": lambda one: self._all(one, "||"),
        }

    def read(self, element: Element) -> Expression | None:
        """What a condition asks for; None where ours can't ask for it. Nested no deeper than the parser lets XML be."""
        way = self._ways.get(element.kind.removeprefix(_PACKAGE))
        return way(element) if way is not None else None

    def _same(self, element: Element) -> Expression | None:
        if element.find("ignoreCase") == "true":
            return None
        return self._both("==", element.find("arg1"), element.find("arg2"))

    def _not(self, element: Element) -> Expression | None:
        inner = element.child("condition")
        found = self.read(inner) if inner is not None else None
        return Not(found) if found is not None else None

    def _all(self, element: Element, operator: str) -> Expression | None:
        around = element.child("conditions")
        inner = [one.child("condition") for one in around.children] if around is not None else []
        found = [self.read(one) if one is not None else None for one in inner]
        known = [one for one in found if one is not None]
        if not known or len(known) < len(found):
            return None
        return reduce(lambda left, right: Binary(operator, left, right), known)

    def _boolean(self, token: str) -> Expression | None:
        match = _TOKEN.fullmatch(token.strip())
        if match is None:
            return Literal(token.strip().lower() in _TRUE) if "$" not in token else None
        name = match[1] or match[2] or match[3]
        if name in self.asked and self.asked[name].type == "boolean":
            return Access(Name("parameters"), Literal(name))
        return self._both("==", token, "true")

    def _both(self, operator: str, left: str, right: str) -> Expression | None:
        first, second = self.value(left), self.value(right)
        return Binary(operator, first, second) if first is not None and second is not None else None

    def _matches(self, pattern: str, text: str) -> Expression | None:
        value = self.value(text)
        return (
            Call("matches", (value, Literal(pattern))) if value is not None and "$" not in pattern else None
        )

    def value(self, text: str) -> Expression | None:
        """A text of the condition: a constant, or one variable that is known."""
        match = _TOKEN.fullmatch(text.strip())
        if match is None:
            return Literal(text) if "$" not in text else None
        name = match[1] or match[2] or match[3]
        if name in self.asked:
            return Access(Name("parameters"), Literal(name))
        ours = self.known.get(name)
        return parse(ours) if ours is not None else None

    def text(self, text: str) -> str | None:
        """A text with its variables as templates; None where one is not known."""
        parts: list[str | Expression] = []
        at = 0
        for match in _TOKEN.finditer(text):
            value = self.value(match[0])
            if value is None:
                return None
            parts += [text[at : match.start()], value]
            at = match.end()
        parts.append(text[at:])
        plain = "".join(one for one in parts if isinstance(one, str))
        return untemplate(tuple(parts)) if "$" not in plain else None


def _status(best: str, worst: str) -> Expression | None:
    """The state between two, as ours: those between are states that only Jenkins has."""
    return of_results(_RESULTS[_place(best) : _place(worst) + 1]) if {best, worst} <= {*_RESULTS} else None


def _place(result: str) -> int:
    return _RESULTS.index(result)


def of_results(results: tuple[str, ...]) -> Expression | None:
    """A condition that holds for builds of these results so far."""
    if {*STATUS} <= {*results}:
        return Call("always")
    found: list[Expression] = [Call(STATUS[one]) for one in results if one in STATUS]
    return reduce(lambda left, right: Binary("||", left, right), found) if found else None
