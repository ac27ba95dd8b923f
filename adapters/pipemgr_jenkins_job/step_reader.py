"""Steps in: builders and publishers become steps; those without a row are kept word for word."""

from __future__ import annotations

from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import ElementRow, StepRow, expand
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step
from pipemgr.model.expressions import Call, Expression, parse

from .elements import Element, flat
from .fields import Said, read_fields
from .rendering import rendered
from .shells import interpreter
from .tree import Tree
from .words import VENDOR, Words

RUN: Final = "run"
ALWAYS: Final[Expression] = parse("always()")


class StepReader:
    """Reads steps of one configuration."""

    def __init__(self, words: Words, tree: Tree) -> None:
        self.words = words
        self.tree = tree

    def read(self, element: Element, place: str, path: str) -> Step:
        """The step of a builder or publisher, which becomes the model's `path`."""
        row = self.words.row(place, element.tag)
        said = flat(element)
        self.tree.take(element, path)
        if row is None or said is None or row.action == OPAQUE or not same_classes(row, said):
            return self._opaque(element, place, row, said, path)
        inputs, kept = read_fields(row, said, self._kinds(row.action))
        if row.action == RUN and not row.implied and (shell := interpreter(str(inputs.get("script", "")))):
            inputs["shell"] = shell
        self._feed(element, row, path)
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

    def _opaque(
        self, element: Element, place: str, row: ElementRow | None, said: Said | None, path: str
    ) -> Step:
        value: Data = {"vendor": VENDOR, "value": rendered(element)}
        if row is not None and row.steps and said is not None:
            value["steps"] = self._steps(row, said)
            if row.note:
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


def is_always(when: Expression | None) -> bool:
    """Whether a step is executed whatever happened before."""
    return isinstance(when, Call) and when.name == "always"


__all__ = ["ALWAYS", "HINTS", "StepReader", "is_always", "same_classes"]
