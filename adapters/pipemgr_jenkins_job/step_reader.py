"""Steps in: builders and publishers become steps; those without a row are kept word for word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import ElementRow, StepRow, expand
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Parameter, Step
from pipemgr.model.expressions import Call, Expression, parse

from .composed import Composed
from .conditions import Conditions
from .elements import Element, flat
from .fields import Said, read_fields
from .rendering import rendered
from .shells import interpreter
from .tree import Tree
from .words import VENDOR, Words, hints

RUN: Final = "run"
WRAPPER: Final = "wrapper"
ALWAYS: Final[Expression] = parse("always()")


class StepReader:
    """Reads steps of one configuration."""

    def __init__(self, words: Words, tree: Tree, asked: Mapping[str, Parameter]) -> None:
        self.words = words
        self.tree = tree
        conditions = Conditions(words, asked)
        self.composed = Composed(conditions, self.step, conditions.text)

    def read(self, element: Element, place: str, path: str) -> Step:
        """The step of a builder or publisher, which becomes the model's `path`."""
        self.tree.take(element, path)
        step = self.step(element, place)
        row = self.words.row(place, element.tag)
        if row is not None and step.action != OPAQUE:
            self._feed(element, row, path)
        return step

    def around(self, element: Element, path: str) -> Step | None:
        """The step that other vendors have for a wrapper, if they have one."""
        step = self.step(element, WRAPPER)
        if not step.inputs.get("steps"):
            return None
        self.tree.take(element, path)
        return step

    def step(self, element: Element, place: str) -> Step:
        """What an element means at a place."""
        row = self.words.row(place, element.tag)
        said = flat(element)
        if row is None or said is None or row.action == OPAQUE or not same_classes(row, said):
            return self._opaque(element, place, row, said)
        inputs, kept = read_fields(row, said, self._kinds(row.action))
        if row.action == RUN and not row.implied and (shell := interpreter(str(inputs.get("script", "")))):
            inputs["shell"] = shell
        return Step(
            action=row.action,
            inputs=inputs,
            when=row.when,
            vendor={VENDOR: kept} if kept else {},
        )

    def _kinds(self, action: str) -> dict[str, str]:
        known = self.words.tables.catalogue.actions[action].inputs
        return {name: one.type for name, one in known.items()}

    def _feed(self, element: Element, row: ElementRow, path: str) -> None:
        """Say which elements become which inputs, and which are kept."""
        names = {row.path(ours): ours for ours in row.inputs}
        for one in element.children:
            ours = names.get(one.tag)
            to = f"{path}.inputs.{ours}" if ours else f"{path}.vendor.{VENDOR}.{one.tag}"
            self.tree.node(one).feeds(to)

    def _opaque(self, element: Element, place: str, row: ElementRow | None, said: Said | None) -> Step:
        value: Data = {"vendor": VENDOR, "value": rendered(element)}
        steps = self._steps(row, said) if row is not None and row.steps and said is not None else None
        if steps is None:
            steps = self.composed.steps(element)
        if steps is not None:
            value["steps"] = steps
            if row is not None and row.note:
                value["note"] = row.note
        when = row.when if row is not None and row.when is not None else None
        if when is None and place == "publisher":
            when = ALWAYS
        return Step(action=OPAQUE, inputs=value, when=when)

    def _steps(self, row: ElementRow, said: Said) -> JsonValue:
        """What the row says that the element does."""
        named = {path: text for path, text in said.items() if not path.endswith("/@class")}
        defaults: dict[str, Any] = {
            path: default if isinstance(default, str) else None
            for path, default in row.fields.items()
            if not path.endswith("/@class")
        }
        calls = StepRow(call=row.element, steps=row.steps, defaults=_worded(defaults))
        return expand(calls, _worded(named))  # type: ignore[return-value]


def _worded(values: Any) -> dict[str, JsonValue]:
    """Fields by names that templates can say: `a/b` is `a-b`, and what is true or false is no text."""
    flags: dict[object, bool] = {"true": True, "false": False}
    return {path.replace("/", "-"): flags.get(text, text) for path, text in values.items()}


def same_classes(row: ElementRow, said: Said) -> bool:
    """Whether everything is of the class that the row has in mind."""
    return all(
        said.get(path, default) == default
        for path, default in row.fields.items()
        if path.endswith("/@class") and isinstance(default, str)
    )


def listed_in(step: Step, tag: str) -> Step:
    """The step with the list of the job that it stands in."""
    data = step.vendor.get(VENDOR, {})
    listed = {**data, HINTS: {**hints(step.vendor), "list": tag}}
    return step.model_copy(update={"vendor": {**step.vendor, VENDOR: listed}})


def is_always(when: Expression | None) -> bool:
    """Whether a step is executed whatever happened before."""
    return isinstance(when, Call) and when.name == "always"


__all__ = ["ALWAYS", "HINTS", "StepReader", "is_always", "listed_in", "same_classes"]
