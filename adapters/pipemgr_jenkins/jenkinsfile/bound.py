"""Bound names: what variables and parameters of Groovy hold, for steps that other vendors get in place of Groovy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipemgr.adapter import Node
from pipemgr.model.definitions import Data
from pipemgr.model.expressions import Access, Expression, Literal, Name
from pipemgr_jenkins.groovy.syntax import Argument, Declaration, Part

from .assignments import output
from .drafts import Draft, Place, draft
from .known import Bound, assigned, given_names, held, is_known, is_short
from .scope import Scope

if TYPE_CHECKING:
    from .step_reader import StepReader

VALUE: Final = "value"
_PARAMETER: Final = re.compile(
    r"\s*(?:final\s+)?(?:[\w.]+(?:<[^<>]*>)?(?:\[\])?\s+)?(\w+)\s*(?:=\s*(.*?))?\s*", re.DOTALL
)
_TEXT: Final = re.compile(r"(['\"])([^'\"$\\]*)\1")


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
        name, value = assigned(part)
        if name is None or name in _given(place):
            if part is None or isinstance(part, Declaration) or _changed(part, place):
                return None
            found += reader.statement(node, place)
            continue
        known = _held(name, value, place, found) if value is not None else None
        if known is None:
            return None
        place = bound(place, {name: known})
    return found


def _held(name: str, part: Part, place: Place, found: list[Draft]) -> Expression | None:
    """What a variable holds; `found` gets the step that gives it."""
    script = output(part, place)
    if script is None:
        value = held(part, place.values.scope)
        return value if is_known(value) else None
    lines = f'{script.lines}\nprintf "%s\\n" "{VALUE}<<END" "$VALUE" END >> "$OUTPUTS"'
    inputs: Data = {"script": lines, **({"directory": place.directory} if place.directory else {})}
    variables = {**script.variables, "OUTPUTS": "${{ files.outputs }}"}
    found.append(draft("run", inputs, place.bare, id=name, name=script.title, variables=variables))
    return Access(Access(Access(Name("steps"), Literal(name)), Literal("outputs")), Literal(VALUE))


def _changed(part: Part, place: Place) -> bool:
    """Whether a statement gives one of the names something else to hold."""
    return any(name in _given(place) for name in given_names(part, place.values.scope.script))


def _given(place: Place) -> Mapping[str, Expression]:
    scope = place.values.scope
    return scope.given if isinstance(scope, Bound) else {}


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
            found[name[1]] = held(values[at].value, scope)
            if not is_short(found[name[1]]):
                return None
        elif name[2] and (default := _TEXT.fullmatch(name[2])):
            found[name[1]] = Literal(default[2])
        else:
            return None
    return found
