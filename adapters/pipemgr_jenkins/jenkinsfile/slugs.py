"""Slugs: ids of stages and paths of blocks, from their names."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pipemgr.adapter import Node

POST: Final = "post"
"""The group of what a pipeline or a block does at its end."""
INNER: Final = ("stages", "parallel", "matrix")
"""The sections of a stage that has stages inside."""
LONGEST: Final = 60
"""Longer ids are cut: nobody reads them."""


def slug(name: str) -> str:
    """A name as an id: letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-").lower()[:LONGEST].strip("-")
    if not words:
        return "stage"
    return words if words[0].isalpha() or words[0] == "_" else f"stage-{words}"


class Slugs:
    """The ids and paths of one pipeline's stages and blocks, each given once."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._paths: set[str] = {POST}
        self._first: dict[int, str] = {}

    def number(self, stages: Node) -> None:
        """Give an id to each stage with steps in a sequence of stages, in order."""
        todo = list(reversed(_members(stages)))
        around: list[Node] = []
        while todo:
            node = todo.pop()
            inner = inside(node)
            if inner is None:
                self._first[id(node)] = self.take(slug(title(node)))
                for one in around:
                    self._first.setdefault(id(one), self._first[id(node)])
                around.clear()
            else:
                around.append(node)
                todo += reversed(_members(inner))

    def of(self, node: Node) -> str:
        """The id of a stage, or of the first one inside a block."""
        return self._first.get(id(node)) or self.take(slug(title(node)))

    def take(self, name: str) -> str:
        """An id that nobody has: the name, or the name with a number."""
        return _unused(name, self._ids)

    def path(self, name: str, around: str) -> str:
        """The path of a block."""
        word = name.replace("/", "-").strip() or "block"
        return _unused(f"{around}/{word}" if around else word, self._paths)


def _unused(name: str, taken: set[str]) -> str:
    found, at = name, 1
    while found in taken:
        at += 1
        found = f"{name}-{at}"
    taken.add(found)
    return found


def title(node: Node) -> str:
    """The name of a stage."""
    name = node.children.get("name") if isinstance(node.children, dict) else None
    return str(name.value) if name is not None and name.value is not None else ""


def inside(node: Node) -> Node | None:
    """The stages inside a block; None for a stage with steps."""
    children = node.children if isinstance(node.children, dict) else {}
    key = next((key for key in INNER if key in children), None)
    if key != "matrix":
        return children[key] if key else None
    matrix = children[key].children
    return matrix.get("stages") if isinstance(matrix, dict) else None


def _members(stages: Node) -> list[Node]:
    return stages.children if isinstance(stages.children, list) else []
