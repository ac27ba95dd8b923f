"""References: XStream writes what stands twice once, and a way to it from then on; here it stands twice again."""

from __future__ import annotations

import re
from typing import Final

from .elements import Element, copied
from .parsing import MAX_DEPTH, MAX_ELEMENTS

_STEP: Final = re.compile(r"([^\[\]]+)(?:\[(\d+)\])?")
_WAY: Final = "reference"


def resolve(root: Element) -> None:
    """Put a copy in place of each reference (`reference="../../a[2]/b"`, https://x-stream.github.io/graphs.html).

    A reference to what it stands in (a view to its folder) stays; so does one that leads nowhere, or would make the
    tree too large.
    """
    left = MAX_ELEMENTS - sum(1 for _ in root.walk())
    todo: list[tuple[Element, tuple[Element, ...]]] = [(root, ())]
    while todo:
        one, above = todo.pop()
        if _WAY in one.attributes:
            target = _follow(one.attributes[_WAY], (*above, one))
            if target is not None and target not in above and target is not one:
                left -= sum(1 for _ in target.walk())
                if left > 0 and _WAY not in target.attributes and len(above) + _depth(target) < MAX_DEPTH:
                    copy = copied(target)
                    one.children, one.text = copy.children, copy.text
                    kept = {name: value for name, value in one.attributes.items() if name != _WAY}
                    one.attributes = {**copy.attributes, **kept}
        todo.extend((below, (*above, one)) for below in reversed(one.children))


def _follow(way: str, here: tuple[Element, ...]) -> Element | None:
    """What a way leads to, from the element at the end of `here`."""
    path = list(here)
    for name in way.split("/"):
        if name == "..":
            path.pop()
            if not path:
                return None
            continue
        match = _STEP.fullmatch(name)
        if match is None:
            return None
        same = [below for below in path[-1].children if below.tag == match[1]]
        at = int((match[2] or "1")[:6]) - 1
        if not 0 <= at < len(same):
            return None
        path.append(same[at])
    return path[-1]


def _depth(element: Element) -> int:
    deepest = 0
    todo = [(element, 1)]
    while todo:
        one, depth = todo.pop()
        deepest = max(deepest, depth)
        todo.extend((below, depth + 1) for below in one.children)
    return deepest
