"""Fields: taking a document's mappings apart, so that what is not understood is kept for the same vendor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.definitions import HINTS, Data, seconds
from pipemgr.model.expressions import Expression, ExpressionError, Literal
from pipemgr.model.templates import rewrite

from .expressions import Names, condition
from .words import VENDOR

NOTHING: Final = "${{ null }}"
"""Stands in for a value that made its document invalid, so that the reader can go on and tell all problems."""


class Kept:
    """What a pipeline, stage or step keeps for the same vendor: keys and values as the document has them."""

    def __init__(self, model: str) -> None:
        self.model = f"{model}.vendor.{VENDOR}".lstrip(".")
        self.data: Data = {}

    def keep(self, node: Node, *path: str) -> None:
        """Keep a node and all below at a path of keys."""
        if path[0] == HINTS:
            node.finding(Fidelity.DROPPED, node.label, "no key of a workflow, and this name is taken here")
            return
        node.feeds(".".join((self.model, *path)))
        self.put(node.take_all().plain(), *path)

    def put(self, value: JsonValue, *path: str) -> None:
        """Keep a value at a path of keys."""
        inner = self.data
        for key in path[:-1]:
            inner = inner.setdefault(key, {})  # type: ignore[assignment]
        inner[path[-1]] = value

    def vendor(self) -> dict[str, Data]:
        """The `vendor` field of the model."""
        return {VENDOR: self.data} if self.data else {}


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


class Fields:
    """The entries of a mapping; those that nobody takes are kept."""

    def __init__(self, node: Node, model: str, kept: Kept, *path: str) -> None:
        self.node = node
        self.model = model
        self.kept = kept
        self.path = path
        self._left = dict(node.items())

    def __contains__(self, key: str) -> bool:
        """Whether there is such a key that nobody took."""
        return key in self._left

    def peek(self, key: str) -> Node | None:
        """The value of a key that stays to be taken."""
        return self._left.get(key)

    def take(self, key: str, feeds: str) -> Node | None:
        """The value of a key, which becomes the field `feeds` of the model; None where there is none."""
        node = self._left.pop(key, None)
        return node.feeds(_join(self.model, feeds)) if node is not None else None

    def inner(self, key: str, feeds: str) -> Fields | None:
        """The entries of a mapping below a key; what is no mapping (a template for the whole) is kept."""
        node = self.take(key, feeds)
        if node is None or node.take().kind == "null":
            return None
        if node.kind != "mapping":
            self.keep(node, key)
            return None
        return self.below(node, key, feeds)

    def below(self, node: Node, key: str, feeds: str) -> Fields:
        """The entries of a mapping that was taken from a key."""
        return Fields(node, _join(self.model, feeds), self.kept, *self.path, key)

    def drain(self) -> tuple[tuple[str, Node], ...]:
        """All that is left, which is then taken."""
        left = tuple(self._left.items())
        self._left.clear()
        return left

    def keep(self, node: Node, key: str) -> None:
        """Keep a node of this mapping for the same vendor."""
        self.kept.keep(node, *self.path, key)

    def rest(self) -> None:
        """Keep all that is left."""
        for key, node in self.drain():
            self.keep(node, key)


class Texts:
    """Values of the document in the model's words: expressions in them are translated."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def text(self, node: Node) -> str:
        """A scalar as a string."""
        return str(self._translated(node, node.text()))

    def texts(self, node: Node) -> tuple[str, ...]:
        """One string or a list of them."""
        return tuple(map(self.text, node.one_or_many()))

    def some(self, fields: Fields, keys: dict[str, str]) -> dict[str, Any]:
        """The strings among `keys`, which are theirs: ours."""
        nodes = ((ours, fields.take(theirs, ours)) for theirs, ours in keys.items())
        return {ours: self.text(node) for ours, node in nodes if node is not None}

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
        node.take()
        match node.children:
            case dict():
                return {key: self.data(child) for key, child in node.children.items()}
            case list():
                return [self.data(child) for child in node.children]
        return self._translated(node, node.value)

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
        return self.names.read(parsed[0])

    def _translated(self, node: Node, value: JsonValue) -> JsonValue:
        if not (isinstance(value, str) and "${{" in value):
            return value
        return _safely(node, lambda: rewrite(value, self.names.read)) or ""


Made = TypeVar("Made")


def _safely(node: Node, work: Callable[[], Made]) -> Made | None:
    """What `work` makes of the expressions of a node; None, and a problem at its place, when they are none."""
    try:
        return work()
    except ExpressionError as error:
        node.problem(f"{node.label} holds no valid expression: {error}", error.offset)
        return None
