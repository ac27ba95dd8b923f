"""Drafts: steps that are read and have no number yet, and what the wrappers around them say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step
from pipemgr.model.expressions import Expression, chained

from .known import Bound
from .layout import dedented, indented
from .scope import VENDOR
from .values import Values

WITHIN: Final = "within"
"""The hint that has the heads of wrappers around a step that change nothing elsewhere (`timestamps`), outermost first."""

Feed = tuple[Node, str | None]
"""A node, and the field of the step that it becomes: all of the step where it is empty, the list of steps where none."""


@dataclass(frozen=True)
class Place:
    """What surrounds statements and holds for each step among them."""

    values: Values
    """What names mean there."""
    when: tuple[Expression, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    heads: tuple[str, ...] = ()
    """Wrappers that no field of a step stands for, as they are written; outermost first."""
    within: tuple[str, ...] = ()
    constants: Mapping[str, Expression] = field(default_factory=dict)
    """What variables of the file hold: steps for other vendors know it."""
    is_groovy: bool = False
    """Whether any Groovy may stand here, as in `script { }`."""
    is_alone: bool = True
    """Whether nothing of the stage was executed before."""

    @property
    def bare(self) -> Place:
        """The same for the steps of an opaque one, which has the condition and the variables itself."""
        scope = self.values.scope
        given = scope.given if isinstance(scope, Bound) else {}
        more = {name: value for name, value in self.constants.items() if name not in given}
        values = replace(self.values, scope=Bound.over(scope, more)) if more else self.values
        return replace(self, values=values, when=(), variables={}, within=())

    def with_variables(self, found: Mapping[str, str]) -> Place:
        """Within `withEnv` and the like."""
        values = replace(self.values, scope=self.values.scope.inner(variables=found))
        return replace(self, values=values, variables={**self.variables, **found})

    def inside(self, directory: str, head: str) -> Place:
        """Within `dir(directory) { }`."""
        return replace(self, directory=joined(self.directory, directory), heads=(*self.heads, head))


@dataclass(frozen=True)
class Told:
    """What a finding says of a statement."""

    what: str
    why: str
    remedy: str = ""
    fidelity: Fidelity = Fidelity.MANUAL


@dataclass(frozen=True)
class Draft:
    """A step and the nodes that it was made of."""

    step: Step
    feeds: tuple[Feed, ...] = ()
    told: tuple[tuple[Node, Told], ...] = ()

    @property
    def is_opaque(self) -> bool:
        """Whether only Jenkins knows what it does."""
        return self.step.action == OPAQUE and "steps" not in self.step.inputs

    def fed(self, *feeds: Feed) -> Draft:
        """The same with further nodes that it was made of."""
        return replace(self, feeds=(*self.feeds, *feeds))

    def changed(self, **update: Any) -> Draft:
        """The same with other fields of the step."""
        return replace(self, step=self.step.model_copy(update=update))

    def kept(self, value: JsonValue, *path: str) -> Draft:
        """The same with a value that Jenkins alone needs."""
        vendor: Any = {key: dict(one) for key, one in self.step.vendor.items()}
        inner = vendor.setdefault(VENDOR, {})
        for key in path[:-1]:
            inner[key] = dict(inner.get(key, {}))
            inner = inner[key]
        inner[path[-1]] = value
        return self.changed(vendor=vendor)


def draft(action: str, inputs: Data, place: Place, feeds: Iterable[Feed] = (), **fields: Any) -> Draft:
    """A step of an action at a place."""
    said: dict[str, Any] = {"when": chained("&&", place.when) if place.when else None}
    said["variables"] = dict(place.variables)
    one = Draft(Step(action=action, inputs=inputs, **{**said, **fields}), tuple(feeds))
    return one.kept(list(place.within), HINTS, WITHIN) if place.within else one


def opaque(
    text: str, place: Place, node: Node, steps: Iterable[Draft] | None = None, note: str = ""
) -> Draft:
    """Groovy that stays as it is; with the steps that do the same elsewhere, where they are known."""
    inputs: Data = {"vendor": VENDOR, "value": wrapped(text, place.heads)}
    if steps is not None:
        inputs["steps"] = [one.step.data() for one in steps]
        if note:
            inputs["note"] = note
    return draft(OPAQUE, inputs, place, [(node, "")])


def wrapped(text: str, heads: Iterable[str]) -> str:
    """Groovy, dedented, in the blocks that these words open."""
    text = dedented(text)
    for head in reversed(tuple(heads)):
        text = f"{head} {{\n{indented(text, '    ')}\n}}"
    return text


def joined(outer: str, inner: str) -> str:
    """A folder as seen from where `outer` is seen from."""
    inner = inner.rstrip("/") or inner
    if not outer or inner.startswith(("/", "~", "${{")) or inner[1:2] == ":":
        return inner
    return outer if inner == "." else f"{outer}/{inner.removeprefix('./')}"
