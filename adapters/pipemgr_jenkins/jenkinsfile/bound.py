"""Bound names: what variables and parameters of Groovy hold, for steps that other vendors get in place of Groovy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final

from pipemgr.adapter import Node
from pipemgr.model.definitions import Data
from pipemgr.model.expressions import Access, Expression, Literal, Name, Opaque
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Argument, Assignment, Declaration, Part

from .assignments import output
from .drafts import Draft, Place, draft
from .expressions import expression
from .scope import Scope

if TYPE_CHECKING:
    from .step_reader import StepReader

VALUE: Final = "value"
_PARAMETER: Final = re.compile(
    r"\s*(?:final\s+)?(?:[\w.]+(?:<[^<>]*>)?(?:\[\])?\s+)?(\w+)\s*(?:=\s*(.*?))?\s*", re.DOTALL
)
_TEXT: Final = re.compile(r"(['\"])([^'\"$\\]*)\1")


@dataclass(frozen=True, kw_only=True)
class Bound(Scope):
    """A scope in which some names hold what is known."""

    given: Mapping[str, Expression] = field(default_factory=dict)

    @classmethod
    def over(cls, scope: Scope, given: Mapping[str, Expression]) -> Bound:
        """A scope, and what further names hold."""
        said = {one.name: getattr(scope, one.name) for one in fields(scope)}
        return cls(**{**said, "given": {**said.get("given", {}), **given}})

    def bare(self, name: str) -> Expression | None:
        """What a bare word holds."""
        return self.given.get(name) or super().bare(name)


def bound(place: Place, given: Mapping[str, Expression]) -> Place:
    """A place where further names hold what is known."""
    scope = Bound.over(place.values.scope, given)
    return replace(place, values=replace(place.values, scope=scope))


# Variables -------------------------------------------------------------------------------------------------


def steps(reader: StepReader, nodes: Iterable[Node], place: Place) -> list[Draft] | None:
    """Statements with their variables, as steps; None where a variable holds what only Groovy knows, or changes.

    What a script prints is an output of its step.
    """
    found: list[Draft] = []
    place = place.bare
    for node in nodes:
        part = reader.file.syntax(node)
        if not isinstance(part, Declaration):
            if part is None or _changed(part, place):
                return None
            found += reader.statement(node, place)
            continue
        value = _value(part, place, found)
        if value is None:
            return None
        place = bound(place, {part.name: value})
    return found


def _value(part: Declaration, place: Place, found: list[Draft]) -> Expression | None:
    """What a variable holds; `found` gets the step that gives it."""
    if part.value is None:
        return None
    script = output(part.value, place)
    if script is None:
        value = expression(part.value, place.values.scope)
        return None if any(isinstance(one, Opaque) for one in value.walk()) else value
    lines = f'VALUE="$(\n{script}\n)"\nprintf "%s\\n" "{VALUE}<<END" "$VALUE" END >> "$OUTPUTS"'
    inputs: Data = {"script": lines, **({"directory": place.directory} if place.directory else {})}
    variables = {"OUTPUTS": "${{ files.outputs }}"}
    found.append(draft("run", inputs, place.bare, id=part.name, name=_title(script), variables=variables))
    return Access(Access(Access(Name("steps"), Literal(part.name)), Literal("outputs")), Literal(VALUE))


def _title(script: str) -> str:
    return script.strip().partition("\n")[0]


def _changed(part: Part, place: Place) -> bool:
    """Whether a statement gives one of the names something else to hold."""
    scope = place.values.scope
    given = scope.given if isinstance(scope, Bound) else {}
    targets = (one.target for one in part.walk() if isinstance(one, Assignment))
    return any(isinstance(one, syntax.Name) and one.name in given for one in targets)


# Parameters ------------------------------------------------------------------------------------------------


def parameters(text: str, arguments: Iterable[Argument], scope: Scope) -> dict[str, Expression] | None:
    """What the parameters of a method hold in a call; None where that can't be told."""
    names = [_PARAMETER.fullmatch(one) for one in text.split(",")] if text.strip() else []
    values = list(arguments)
    if len(values) > len(names) or any(one.key is not None for one in values):
        return None
    found: dict[str, Expression] = {}
    for at, name in enumerate(names):
        if name is None:
            return None
        if at < len(values):
            found[name[1]] = expression(values[at].value, scope)
        elif name[2] and (default := _TEXT.fullmatch(name[2])):
            found[name[1]] = Literal(default[2])
        else:
            return None
    return found
