"""Steps out: steps become builders and publishers, by the rows of their actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import ElementRow
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step
from pipemgr.model.expressions import Access, Expression, ExpressionError, Literal, Name
from pipemgr.model.templates import template

from .elements import Element, grown
from .fields import written_fields
from .kept import Grower
from .shells import interpreter
from .step_reader import is_always
from .words import DIALECT, VENDOR, Words

_QUIET: Final = (None, "sh", "sh -xe {0}")
"""Shells that a shell step may leave out: it reads its script by `sh -xe`, or by what its first line names."""


class Unfit(Exception):
    """A step (or what surrounds it) is nothing that a freestyle job can say; the text says why."""


class StepWriter:
    """Writes steps of one job."""

    def __init__(self, words: Words, grower: Grower, axes: frozenset[str] = frozenset()) -> None:
        self.words = words
        self.grower = grower
        self.axes = axes

    def place(self, step: Step) -> str:
        """Where a step goes: with the builders, or with the publishers that follow whatever happens."""
        if step.action == OPAQUE:
            return "publisher" if is_always(step.when) else "builder"
        return self._row(step).place

    def write(self, step: Step, path: str) -> Element | None:
        """The element of a step; None where it is no XML. Raises `Unfit`."""
        if step.action == OPAQUE:
            if step.inputs.get("vendor") != VENDOR:
                raise Unfit(f"a step in the words of {step.inputs.get('vendor')}")
            return self.grower.element(str(step.inputs.get("value", "")), f"{path}.inputs.value")
        row = self._row(step)
        self._check(step, row)
        inputs = {name: self.value(value) for name, value in step.inputs.items()}
        kept: Data = dict(step.vendor.get(VENDOR, {}))
        said = written_fields(row, inputs, kept)
        return grown(row.element, said, {"plugin": row.plugin} if row.plugin else None)

    def _row(self, step: Step) -> ElementRow:
        rows = self.words.actions.get(step.action, ())
        row = next((row for row in reversed(rows) if self._implied(row, step.inputs)), None)
        if row is None:
            raise Unfit(f"the action {step.action}")
        return row

    @staticmethod
    def _implied(row: ElementRow, inputs: Mapping[str, JsonValue]) -> bool:
        if row.implied:
            return all(inputs.get(name) == value for name, value in row.implied.items())
        shell = inputs.get("shell")
        return row.action != "run" or shell in _QUIET or shell == interpreter(str(inputs.get("script", "")))

    def _check(self, step: Step, row: ElementRow) -> None:
        """Refuse a step that says more than its element can."""
        if step.when != row.when:
            raise Unfit(f"the condition {step.when} of a step")
        more = {
            "variables": step.variables,
            "timeout": step.timeout,
            "idle-timeout": step.idle_timeout,
            "background": step.background,
            "allow-failure": step.allow_failure,
        }
        said = [name for name, value in more.items() if value]
        strange = step.inputs.keys() - row.inputs.keys() - row.implied.keys() - {"shell", "name"}
        if said or strange:
            raise Unfit(f"{', '.join((*said, *sorted(strange)))} of a step")

    def value(self, value: JsonValue) -> JsonValue:
        """A value with its templates as Jenkins' variables."""
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """A text with its templates as variables, which every field of Jenkins' expands. Raises `Unfit`."""
        if "${{" not in text:
            return text
        try:
            parts = template(text)
        except ExpressionError as error:
            raise Unfit(f"{text!r}: {error}") from None
        return "".join(one if isinstance(one, str) else self._part(one) for one in parts)

    def _part(self, part: Expression) -> str:
        match part:
            case Literal(value=str(text)):
                return text
            case Access(Name("parameters" | "variables"), Literal(str(name))):
                return f"${{{name}}}"
            case Access(Name("matrix"), Literal(str(name))) if name in self.axes:
                return f"${{{name}}}"
        known = self.words.tables.variables.environment.theirs.get(str(part))
        if known is None:
            raise Unfit(f"the expression {part}")
        return f"${{{known}}}"


__all__ = ["DIALECT", "HINTS", "StepWriter", "Unfit"]
