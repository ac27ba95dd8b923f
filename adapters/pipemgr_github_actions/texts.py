"""Texts: values of a workflow in the model's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Fields, Node, Vocabulary, mapped, some
from pipemgr.model.definitions import seconds
from pipemgr.model.expressions import Expression, ExpressionError, Literal
from pipemgr.model.templates import rewrite

from .expressions import condition, portable

NOTHING: Final = "${{ null }}"
"""Stands in for a value that made its document invalid, so that the reader can go on and tell all problems."""


class Texts:
    """Values of the document in the model's words: expressions in them are translated."""

    def __init__(self, names: Vocabulary) -> None:
        self.names = names

    def text(self, node: Node) -> str:
        """A scalar as a string."""
        return str(self._translated(node, node.text()))

    def texts(self, node: Node) -> tuple[str, ...]:
        """One string or a list of them."""
        return tuple(map(self.text, node.one_or_many()))

    def some(self, fields: Fields, keys: dict[str, str]) -> dict[str, Any]:
        """The strings among `keys`, which are theirs: ours."""
        return some(fields, keys, self.text)

    def table(self, fields: Fields | None) -> dict[str, str]:
        """A mapping of strings."""
        return {key: self.text(node) for key, node in fields.drain()} if fields else {}

    def flag(self, node: Node) -> bool | str:
        """A boolean, or a template for one."""
        text = self.text(node)
        if text in ("true", "false"):
            return text == "true"
        return self._template(node, text, "true or false")

    def count(self, node: Node) -> int | str:
        """A whole number, or a template for one."""
        text = self.text(node)
        return int(text) if text.isdecimal() else self._template(node, text, "a whole number")

    def template(self, node: Node, wanted: str) -> str:
        """A template for something that is `wanted` otherwise."""
        return self._template(node, self.text(node), wanted)

    @staticmethod
    def _template(node: Node, text: str, wanted: str) -> str:
        if "${{" in text:
            return text
        if node.children is None:
            node.problem(f"{node.label} must be {wanted}, or a ${{{{ }}}} template, not {text[:40]!r}")
        return NOTHING

    def minutes(self, node: Node) -> str | None:
        """A number of minutes, or a template for one, as a duration."""
        value = node.take().value
        duration = f"{round(value * 60, 3)}s" if isinstance(value, float) else f"{self.text(node)}m"
        try:
            seconds(duration)
        except ValueError:
            node.problem(f"{node.label} must be a number of minutes")
            return None
        return duration

    def data(self, node: Node) -> JsonValue:
        """Any value, with the strings in it translated."""
        return mapped(node, lambda one: self._translated(one, one.value))

    def condition(self, node: Node) -> Expression | None:
        """The value of an `if`."""
        if node.take().kind == "boolean":
            return Literal(node.flag())
        text = node.text()
        parsed = _safely(node, lambda: condition(text)) if text.strip() else None
        if parsed is None:
            return None
        if parsed[1]:
            node.finding(
                Fidelity.EQUIVALENT,
                "an `if` with text around ${{ }}",
                "the whole is a text, and any text is true: it is kept as that",
                "move the closing }} to the end of the condition, if that is what was meant",
            )
        return self._ours(parsed[0])

    def _ours(self, node: Expression) -> Expression:
        return portable(self.names.read(node))

    def _translated(self, node: Node, value: JsonValue) -> JsonValue:
        if not (isinstance(value, str) and "${{" in value):
            return value
        return _safely(node, lambda: rewrite(value, self._ours)) or ""


Made = TypeVar("Made")


def _safely(node: Node, work: Callable[[], Made]) -> Made | None:
    """What `work` makes of the expressions of a node; None, and a problem at its place, when they are none."""
    try:
        return work()
    except ExpressionError as error:
        node.problem(f"{node.label} holds no valid expression: {error}", error.offset)
        return None
