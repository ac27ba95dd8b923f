"""Fields: taking a document's mappings apart, so that what is not understood is kept for the same vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from pipemgr.model.definitions import HINTS, Data

from .node import Node
from .report import Fidelity


class Kept:
    """What a pipeline, stage or step keeps for the same vendor: keys and values as the document has them."""

    def __init__(self, model: str, vendor: str) -> None:
        self.vendor = vendor
        self.model = f"{model}.vendor.{vendor}".lstrip(".")
        self.data: Data = {}

    def keep(self, node: Node, *path: str) -> None:
        """Keep a node and all below at a path of keys."""
        if path[0] == HINTS:
            node.finding(Fidelity.DROPPED, node.label, "an unknown key, and this name is taken here")
            return
        node.feeds(".".join((self.model, *path)))
        self.put(node.take_all().plain(), *path)

    def put(self, value: JsonValue, *path: str) -> None:
        """Keep a value at a path of keys."""
        inner = self.data
        for key in path[:-1]:
            inner = inner.setdefault(key, {})  # type: ignore[assignment]
        inner[path[-1]] = value

    def said(self) -> dict[str, Data]:
        """The `vendor` field of the model."""
        return {self.vendor: self.data} if self.data else {}


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


def some(fields: Fields, keys: Mapping[str, str], text: Callable[[Node], str]) -> dict[str, Any]:
    """The strings among `keys`, which are theirs: ours, each as `text` reads it."""
    nodes = ((ours, fields.take(theirs, ours)) for theirs, ours in keys.items())
    return {ours: text(node) for ours, node in nodes if node is not None}


def mapped(node: Node, change: Callable[[Node], JsonValue]) -> JsonValue:
    """Any value of a document, with `change` reading the scalars in it."""
    node.take()
    match node.children:
        case dict():
            return {key: mapped(child, change) for key, child in node.children.items()}
        case list():
            return [mapped(child, change) for child in node.children]
    return change(node)
